//! From the JSON of a condition to a test. The grammar is in the docstring of `motia_fast.conditions`.

use regex::{Regex, RegexBuilder};

use super::evaluate::{Ask, Bound, Members, Order, Place, Test};
use super::number::{self, Number};
use super::plan::{Plan, Segment};
use super::scan::{self, Scanner};
use super::value::{Object, Scalar, Value};

/// Conditions within conditions; a row of `and` or `or` is one level.
pub const MAX_DEPTH: usize = 32;

/// Bytes that a compiled pattern may take. The largest that `motia_fast.patterns` lets through, a thousand times a
/// class without some 480 scattered characters, takes 101 MiB.
const PATTERN_SIZE: usize = 256 << 20;
/// Bytes that a search may keep of what it found out about a pattern.
const PATTERN_CACHE: usize = 2 << 20;
/// Characters of a wrong condition that an error shows.
const SHOWN: usize = 200;

/// JSON that is not what `Condition.to_json()` makes: which part of it, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConditionError(String);

type Result<T, E = ConditionError> = std::result::Result<T, E>;

/// Compiles a condition, whose places it adds to the plan.
pub(crate) fn compile(json: &[u8], plan: &mut Plan) -> Result<Test> {
    let node = read(json).map_err(|error| ConditionError(format!("a condition that is not JSON: {error}")))?;
    compiled(&node, 1, &mut Origin::Payload(plan))
}

fn read(json: &[u8]) -> scan::Result<Value<'_>> {
    let mut scanner = Scanner::new(json)?;
    let value = scanner.value()?;
    scanner.finish()?;
    Ok(value)
}

/// Where the paths of a condition begin.
enum Origin<'a> {
    Payload(&'a mut Plan),
    Item,
}

impl Origin<'_> {
    fn place(&mut self, path: Vec<Segment>) -> Place {
        match self {
            Self::Payload(plan) => Place::Slot(plan.slot(&path)),
            Self::Item => Place::InItem(path.into()),
        }
    }
}

fn compiled(node: &Value<'_>, depth: usize, origin: &mut Origin<'_>) -> Result<Test> {
    let Value::Object(object) = node else {
        return Err(ConditionError(format!("{} is not a condition: it has no known op", spelled(node))));
    };
    if depth > MAX_DEPTH {
        return Err(ConditionError(format!("a condition nests at most {MAX_DEPTH} deep")));
    }
    Node { object, depth }.test(origin)
}

/// A condition that is being read.
#[derive(Clone, Copy)]
struct Node<'n, 'p> {
    object: &'n Object<'p>,
    depth: usize,
}

impl<'n, 'p> Node<'n, 'p> {
    fn test(self, origin: &mut Origin<'_>) -> Result<Test> {
        let Some(Value::String(op)) = self.object.get("op") else {
            return Err(self.wrong("it has no known op"));
        };
        match &**op {
            "and" => Ok(Test::And(self.parts(origin)?)),
            "or" => Ok(Test::Or(self.parts(origin)?)),
            "not" => Ok(Test::Not(self.part(origin)?)),
            "any" => Ok(Test::Any(self.place("path", origin)?, self.part(&mut Origin::Item)?)),
            "all" => Ok(Test::All(self.place("path", origin)?, self.part(&mut Origin::Item)?)),
            "==" => self.equal(origin),
            "!=" => self.unequal(origin),
            "<" => self.order(Order::Less, origin),
            "<=" => self.order(Order::LessOrEqual, origin),
            ">" => self.order(Order::Greater, origin),
            ">=" => self.order(Order::GreaterOrEqual, origin),
            "in" => self.one_of(origin),
            _ => {
                let ask = self.ask(op)?;
                Ok(Test::Value(self.place("path", origin)?, ask))
            }
        }
    }

    // ------------------------------------------------------------ conditions within

    fn parts(self, origin: &mut Origin<'_>) -> Result<Box<[Test]>> {
        let Value::Array(parts) = self.field("of")? else {
            return Err(self.wrong("what it joins is not an array"));
        };
        let parts = parts.items().iter().map(|part| compiled(part, self.depth + 1, origin));
        let parts: Box<[Test]> = parts.collect::<Result<_>>()?;
        if parts.is_empty() {
            return Err(self.wrong("it joins none"));
        }
        Ok(parts)
    }

    fn part(self, origin: &mut Origin<'_>) -> Result<Box<Test>> {
        compiled(self.field("of")?, self.depth + 1, origin).map(Box::new)
    }

    // ------------------------------------------------------------ comparisons

    /// What is asked of a value, never of a length.
    fn ask(self, op: &str) -> Result<Ask> {
        Ok(match op {
            "contains" => Ask::Contains(self.literal()?.exact()),
            "startswith" => Ask::StartsWith(self.string("value")?.into()),
            "endswith" => Ask::EndsWith(self.string("value")?.into()),
            "matches" => Ask::Matches(self.pattern()?),
            "exists" => Ask::Exists,
            "is_null" => Ask::OneOf(Members::new(vec![Scalar::Null])),
            _ => return Err(self.wrong("it has no known op")),
        })
    }

    fn equal(self, origin: &mut Origin<'_>) -> Result<Test> {
        let value = self.literal()?;
        self.compared(Ask::OneOf(Members::new(vec![value.exact()])), &[value], origin)
    }

    fn unequal(self, origin: &mut Origin<'_>) -> Result<Test> {
        let value = self.literal()?;
        let ask = match value.exact() {
            Scalar::Null => Ask::NotNull,
            exact => Ask::Unequal(exact),
        };
        self.compared(ask, &[value], origin)
    }

    fn order(self, order: Order, origin: &mut Origin<'_>) -> Result<Test> {
        let value = self.literal()?;
        let bound = match &value {
            Literal::Number(number) => Bound::Number(number.clone()),
            Literal::String(text) => Bound::String(text.clone()),
            Literal::Null | Literal::Bool(_) => return Err(self.wrong("it compares numbers and strings only")),
        };
        self.compared(Ask::Order(order, bound), &[value], origin)
    }

    fn one_of(self, origin: &mut Origin<'_>) -> Result<Test> {
        let Value::Array(values) = self.field("values")? else {
            return Err(self.wrong("its values are not an array"));
        };
        let values: Vec<_> = values.items().iter().map(|value| self.checked(value)).collect::<Result<_>>()?;
        let members = Members::new(values.iter().map(Literal::exact).collect());
        self.compared(Ask::OneOf(members), &values, origin)
    }

    /// A question about the value at `path`, or about the length of that at `len`, with the values that it names.
    fn compared(self, ask: Ask, values: &[Literal], origin: &mut Origin<'_>) -> Result<Test> {
        if self.object.get("path").is_some() {
            return Ok(Test::Value(self.place("path", origin)?, ask));
        }
        if !values.iter().all(Literal::is_integer) {
            return Err(self.wrong("a length is compared with integers"));
        }
        Ok(Test::Length(self.place("len", origin)?, ask))
    }

    fn pattern(self) -> Result<Regex> {
        self.string("pattern")?;
        RegexBuilder::new(self.string("regex")?)
            .size_limit(PATTERN_SIZE)
            .dfa_size_limit(PATTERN_CACHE)
            .build()
            .map_err(|error| self.wrong(&format!("its regex cannot be compiled: {error}")))
    }

    // ------------------------------------------------------------ fields

    fn field(self, name: &str) -> Result<&'n Value<'p>> {
        self.object.get(name).ok_or_else(|| self.wrong(&format!("it has no {name:?}")))
    }

    fn string(self, name: &str) -> Result<&'n str> {
        match self.field(name)? {
            Value::String(text) => Ok(text),
            _ => Err(self.wrong(&format!("its {name:?} is not a string"))),
        }
    }

    fn place(self, name: &str, origin: &mut Origin<'_>) -> Result<Place> {
        let path = match self.field(name)? {
            Value::Array(path) => path.items().iter().map(segment).collect(),
            _ => None,
        };
        let path = path.ok_or_else(|| self.wrong(&format!("its {name:?} is not a path of keys and places")))?;
        Ok(origin.place(path))
    }

    fn literal(self) -> Result<Literal> {
        self.checked(self.field("value")?)
    }

    fn checked(self, value: &Value<'_>) -> Result<Literal> {
        match value {
            Value::Null => Ok(Literal::Null),
            Value::Bool(value) => Ok(Literal::Bool(*value)),
            Value::Number(number) => Ok(Literal::Number(number.clone().into_owned())),
            Value::String(text) => Ok(Literal::String(text.as_ref().into())),
            Value::Object(object) => long_integer(object).ok_or_else(|| self.wrong("an object that is no integer")),
            Value::Array(_) => Err(self.wrong("an array is not a value that it compares with")),
        }
    }

    fn wrong(self, why: &str) -> ConditionError {
        ConditionError(format!("{} is not a condition: {why}", shortened(self.object.text)))
    }
}

/// A value that a condition names.
enum Literal {
    Null,
    Bool(bool),
    Number(Number<'static>),
    String(Box<str>),
}

impl Literal {
    fn exact(&self) -> Scalar<'static> {
        match self {
            Self::Null => Scalar::Null,
            Self::Bool(value) => Scalar::Bool(*value),
            Self::Number(number) => Scalar::Number(number.exact()).into_owned(),
            Self::String(text) => Scalar::String(text.to_string().into()),
        }
    }

    fn is_integer(&self) -> bool {
        matches!(self, Self::Number(Number::Integer(_) | Number::Long(_)))
    }
}

/// The value of `{"integer": digits}`.
fn long_integer(object: &Object<'_>) -> Option<Literal> {
    match object.get("integer")? {
        Value::String(digits) => number::integer(digits).map(Literal::Number),
        _ => None,
    }
}

fn segment(part: &Value<'_>) -> Option<Segment> {
    match part {
        Value::String(key) => Some(Segment::Key(key.as_ref().into())),
        Value::Number(Number::Integer(place)) => Some(Segment::Place(usize::try_from(*place).ok()?)),
        // No array is so long.
        Value::Number(Number::Long(digits)) if !digits.starts_with('-') => Some(Segment::Place(usize::MAX)),
        _ => None,
    }
}

fn spelled(node: &Value<'_>) -> String {
    match node {
        Value::Null => "null".into(),
        Value::Bool(value) => value.to_string(),
        Value::Number(Number::Integer(value)) => value.to_string(),
        Value::Number(Number::Long(digits)) => shortened(digits),
        Value::Number(Number::Float(value)) => format!("{value:?}"),
        Value::String(text) => shortened(&format!("{text:?}")),
        Value::Array(array) => shortened(array.text),
        Value::Object(object) => shortened(object.text),
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}
