//! From the JSON of a condition to a test. The grammar is in the docstring of `motia_fast.conditions`.

use std::borrow::Cow;

use regex::{Regex, RegexBuilder};

use super::evaluate::{Ask, Bound, ItemTest, Members, Order, Test};
use super::number::{self, Number};
use super::plan::{Plan, Segment};
use super::scan::{Entries, Items, Scanner};
use super::value::{Scalar, Value};

/// Conditions within conditions; a row of `and` or `or` is one level.
pub const MAX_DEPTH: usize = 32;

/// Bytes that a compiled pattern may take.
const PATTERN_SIZE: usize = 256 << 20;
/// Bytes of cache that a search may build up from it.
const PATTERN_CACHE: usize = 2 << 20;
/// Bytes of a wrong condition that an error shows.
const SHOWN: usize = 200;

/// JSON that is not what `Condition.to_json()` makes: what is wrong with which part of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConditionError(String);

type Result<T, E = ConditionError> = std::result::Result<T, E>;

/// Compiles a condition, the places of which it adds to the plan.
pub(crate) fn compile(json: &[u8], plan: &mut Plan) -> Result<Test> {
    let node = read(json).map_err(|error| ConditionError(format!("a condition that is not JSON: {error}")))?;
    compiled(&node, plan, 1)
}

fn read(json: &[u8]) -> std::result::Result<Value<'_>, super::NotJson> {
    let mut scanner = Scanner::new(json)?;
    let value = scanner.value()?;
    scanner.finish()?;
    Ok(value)
}

fn compiled(node: &Value<'_>, plan: &mut Plan, depth: usize) -> Result<Test> {
    let Value::Object(text) = node else {
        return Err(ConditionError(format!("{} is not a condition: it has no known op", spelled(node))));
    };
    let mut node = Node { text, fields: Entries::of(text).collect(), plan, depth };
    if depth > MAX_DEPTH {
        return Err(ConditionError(format!("a condition nests at most {MAX_DEPTH} deep")));
    }
    node.test()
}

/// A condition that is being read.
struct Node<'p, 'a> {
    text: &'p str,
    fields: Vec<(Cow<'p, str>, Value<'p>)>,
    plan: &'a mut Plan,
    depth: usize,
}

impl<'p> Node<'p, '_> {
    fn test(&mut self) -> Result<Test> {
        let op = match self.field("op") {
            Ok(Value::String(op)) => op.clone(),
            _ => return Err(self.wrong("it has no known op")),
        };
        match &*op {
            "and" => Ok(Test::And(self.parts()?)),
            "or" => Ok(Test::Or(self.parts()?)),
            "not" => Ok(Test::Not(Box::new(self.part()?))),
            "any" => Ok(Test::Any(self.path("path")?, self.item()?)),
            "all" => Ok(Test::All(self.path("path")?, self.item()?)),
            "==" => self.equal(),
            "!=" => self.unequal(),
            "<" => self.order(Order::Less),
            "<=" => self.order(Order::LessOrEqual),
            ">" => self.order(Order::Greater),
            ">=" => self.order(Order::GreaterOrEqual),
            "in" => self.one_of(),
            "contains" => self.ask(|node| Ok(Ask::Contains(exact(&node.literal()?)))),
            "startswith" => self.ask(|node| Ok(Ask::StartsWith(node.string("value")?.into()))),
            "endswith" => self.ask(|node| Ok(Ask::EndsWith(node.string("value")?.into()))),
            "matches" => self.ask(|node| Ok(Ask::Matches(node.pattern()?))),
            "exists" => self.ask(|_| Ok(Ask::Exists)),
            "is_null" => self.ask(|_| Ok(Ask::OneOf(Members::new(vec![Scalar::Null])))),
            _ => Err(self.wrong("it has no known op")),
        }
    }

    // ------------------------------------------------------------ conditions within

    fn parts(&mut self) -> Result<Box<[Test]>> {
        let Value::Array(parts) = self.field("of")? else {
            return Err(self.wrong("what it joins is not an array"));
        };
        let (parts, depth) = (Items::of(parts), self.depth + 1);
        let tests: Box<[Test]> = parts.map(|part| compiled(&part, self.plan, depth)).collect::<Result<_>>()?;
        if tests.is_empty() {
            return Err(self.wrong("it joins none"));
        }
        Ok(tests)
    }

    fn part(&mut self) -> Result<Test> {
        let part = self.field("of")?.clone();
        compiled(&part, self.plan, self.depth + 1)
    }

    fn item(&mut self) -> Result<Box<ItemTest>> {
        let mut plan = Plan::default();
        let test = compiled(self.field("of")?, &mut plan, self.depth + 1)?;
        Ok(Box::new(ItemTest { plan, test }))
    }

    // ------------------------------------------------------------ comparisons

    /// A question about the value at `path`.
    fn ask(&mut self, ask: impl FnOnce(&Self) -> Result<Ask>) -> Result<Test> {
        let ask = ask(self)?;
        Ok(Test::Value(self.path("path")?, ask))
    }

    /// A question about the value at `path`, or about its length.
    fn compared(&mut self, ask: Ask, values: &[Value<'_>]) -> Result<Test> {
        if self.field("path").is_ok() {
            return Ok(Test::Value(self.path("path")?, ask));
        }
        let integer = |value: &Value<'_>| matches!(value, Value::Number(Number::Integer(_) | Number::Long(_)));
        if !values.iter().all(integer) {
            return Err(self.wrong("a length is compared with integers"));
        }
        Ok(Test::Length(self.path("len")?, ask))
    }

    fn equal(&mut self) -> Result<Test> {
        let value = self.literal()?;
        self.compared(Ask::OneOf(Members::new(vec![exact(&value)])), &[value])
    }

    fn unequal(&mut self) -> Result<Test> {
        let value = self.literal()?;
        let ask = match exact(&value) {
            Scalar::Null => Ask::NotNull,
            other => Ask::Unequal(other),
        };
        self.compared(ask, &[value])
    }

    fn order(&mut self, order: Order) -> Result<Test> {
        let value = self.literal()?;
        let bound = match &value {
            Value::Number(number) => Bound::Number(number.clone().into_owned()),
            Value::String(text) => Bound::String(text.as_ref().into()),
            _ => return Err(self.wrong("it compares numbers and strings only")),
        };
        self.compared(Ask::Order(order, bound), &[value])
    }

    fn one_of(&mut self) -> Result<Test> {
        let Value::Array(values) = self.field("values")? else {
            return Err(self.wrong("its values are not an array"));
        };
        let values: Vec<_> = Items::of(values).map(|value| self.checked(value)).collect::<Result<_>>()?;
        self.compared(Ask::OneOf(Members::new(values.iter().map(exact).collect())), &values)
    }

    fn pattern(&self) -> Result<Regex> {
        self.string("pattern")?;
        RegexBuilder::new(self.string("regex")?)
            .size_limit(PATTERN_SIZE)
            .dfa_size_limit(PATTERN_CACHE)
            .build()
            .map_err(|error| self.wrong(&format!("its regex cannot be compiled: {error}")))
    }

    // ------------------------------------------------------------ fields

    fn field(&self, name: &str) -> Result<&Value<'p>> {
        let found = self.fields.iter().rfind(|(key, _)| key == name); // of equal keys the last counts
        found.map(|(_, value)| value).ok_or_else(|| self.wrong(&format!("it has no {name:?}")))
    }

    fn string(&self, name: &str) -> Result<&str> {
        match self.field(name)? {
            Value::String(text) => Ok(text),
            _ => Err(self.wrong(&format!("its {name:?} is not a string"))),
        }
    }

    /// The slot of the place that a path leads to.
    fn path(&mut self, name: &str) -> Result<usize> {
        let wrong = || self.wrong(&format!("its {name:?} is not a path of keys and places"));
        let Value::Array(path) = self.field(name)? else {
            return Err(wrong());
        };
        let path: Option<Vec<_>> = Items::of(path).map(segment).collect();
        let path = path.ok_or_else(wrong)?;
        Ok(self.plan.slot(&path))
    }

    fn literal(&self) -> Result<Value<'p>> {
        self.checked(self.field("value")?.clone())
    }

    /// A value that conditions compare with.
    fn checked(&self, value: Value<'p>) -> Result<Value<'p>> {
        match value {
            Value::Object(text) => long_integer(text).ok_or_else(|| self.wrong("an object that is no integer")),
            Value::Array(_) => Err(self.wrong("an array is not a value that it compares with")),
            scalar => Ok(scalar),
        }
    }

    fn wrong(&self, why: &str) -> ConditionError {
        ConditionError(format!("{} is not a condition: {why}", shortened(self.text)))
    }
}

fn segment(part: Value<'_>) -> Option<Segment> {
    match part {
        Value::String(key) => Some(Segment::Key(key.into())),
        Value::Number(Number::Integer(place)) => Some(Segment::Place(usize::try_from(place).ok()?)),
        // No array is so long.
        Value::Number(Number::Long(digits)) if !digits.starts_with('-') => Some(Segment::Place(usize::MAX)),
        _ => None,
    }
}

/// The value of `{"integer": digits}`.
fn long_integer(object: &str) -> Option<Value<'static>> {
    let (_, value) = Entries::of(object).filter(|(key, _)| key == "integer").last()?;
    let Value::String(digits) = value else {
        return None;
    };
    number::integer(&digits).map(Value::Number)
}

fn exact(literal: &Value<'_>) -> Scalar<'static> {
    literal.scalar().expect("a literal is checked to be no container").into_owned()
}

fn spelled(node: &Value<'_>) -> String {
    match node {
        Value::Array(text) | Value::Object(text) => shortened(text),
        Value::String(text) => shortened(&format!("{text:?}")),
        Value::Bool(value) => value.to_string(),
        Value::Number(Number::Integer(value)) => value.to_string(),
        Value::Number(Number::Long(digits)) => shortened(digits),
        Value::Number(Number::Float(value)) => format!("{value:?}"),
        Value::Null | Value::Missing => "null".into(),
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}
