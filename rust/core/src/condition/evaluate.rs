//! What a condition is compiled to, and whether it holds for what was found in a payload.
//!
//! It looks from left to right and stops where the answer is known, so that the mismatches are counted as the pure
//! engine counts them.

use std::borrow::Cow;
use std::cmp::Ordering;

use regex::Regex;
use rustc_hash::FxHashSet;

use super::number::Number;
use super::plan::Plan;
use super::scan::{Entries, Items};
use super::value::{Kind, Kinds, Scalar, Value};

/// Up to so many values of `in` are compared one by one.
const FEW: usize = 8;

/// A condition over the slots of a plan.
#[derive(Debug)]
pub(crate) enum Test {
    And(Box<[Test]>),
    Or(Box<[Test]>),
    Not(Box<Test>),
    /// Whether some item of the array is like that.
    Any(usize, Box<ItemTest>),
    /// Whether each item of the array is like that.
    All(usize, Box<ItemTest>),
    Value(usize, Ask),
    Length(usize, Ask),
}

/// A condition on an item, whose paths begin there.
#[derive(Debug)]
pub(crate) struct ItemTest {
    pub(super) plan: Plan,
    pub(super) test: Test,
}

/// What can be asked of one value.
#[derive(Debug)]
pub(crate) enum Ask {
    Exists,
    NotNull,
    OneOf(Members),
    Unequal(Scalar<'static>),
    Order(Order, Bound),
    Contains(Scalar<'static>),
    StartsWith(Box<str>),
    EndsWith(Box<str>),
    Matches(Regex),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Order {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug)]
pub(crate) enum Bound {
    Number(Number<'static>),
    String(Box<str>),
}

/// The values of `==`, `in` or `is_null`.
#[derive(Debug)]
pub(crate) struct Members {
    values: Values,
    /// The types of the values; others are mismatches, unless there is none here.
    kinds: Kinds,
    null: bool,
}

#[derive(Debug)]
enum Values {
    Few(Box<[Scalar<'static>]>),
    Many(FxHashSet<Scalar<'static>>),
}

impl Test {
    /// Whether it holds for what was found. Adds the comparisons that met a value of another type to `mismatches`.
    pub(crate) fn holds(&self, found: &[Value<'_>], mismatches: &mut u64) -> bool {
        match self {
            Self::And(parts) => parts.iter().all(|part| part.holds(found, mismatches)),
            Self::Or(parts) => parts.iter().any(|part| part.holds(found, mismatches)),
            Self::Not(part) => !part.holds(found, mismatches),
            Self::Any(slot, item) => items(&found[*slot], mismatches).is_some_and(|array| item.any(array, mismatches)),
            Self::All(slot, item) => items(&found[*slot], mismatches).is_some_and(|array| item.all(array, mismatches)),
            Self::Value(slot, ask) => counted(ask.answer(&found[*slot]), mismatches),
            Self::Length(slot, ask) => match length(&found[*slot]) {
                Some(length) => counted(ask.answer(&length), mismatches),
                None => !ask.takes_anything() && counted(None, mismatches),
            },
        }
    }
}

/// The text of an array. Null and what is missing are none, anything else is a mismatch.
fn items<'p>(found: &Value<'p>, mismatches: &mut u64) -> Option<&'p str> {
    if let Value::Array(array) = found {
        return Some(array);
    }
    *mismatches += u64::from(found.kind().is_some());
    None
}

fn counted(answer: Option<bool>, mismatches: &mut u64) -> bool {
    *mismatches += u64::from(answer.is_none());
    answer.unwrap_or(false)
}

/// The length as a value; null and what is missing as they are; `None` for what has none.
fn length<'p>(found: &Value<'p>) -> Option<Value<'p>> {
    let length = match found {
        Value::Missing | Value::Null => return Some(found.clone()),
        Value::String(text) => text.chars().count(),
        Value::Array(array) => Items::of(array).count(),
        Value::Object(object) => distinct_keys(object),
        Value::Bool(_) | Value::Number(_) => return None,
    };
    Some(Value::Number(Number::Integer(i64::try_from(length).unwrap_or(i64::MAX))))
}

fn distinct_keys(object: &str) -> usize {
    // Sorted, not hashed: who sends a payload chooses the keys, and could choose them to collide.
    let mut keys: Vec<Cow<'_, str>> = Entries::of(object).map(|(key, _)| key).collect();
    keys.sort_unstable();
    keys.dedup();
    keys.len()
}

impl ItemTest {
    fn any(&self, array: &str, mismatches: &mut u64) -> bool {
        self.first_that_is(true, array, mismatches)
    }

    fn all(&self, array: &str, mismatches: &mut u64) -> bool {
        !self.first_that_is(false, array, mismatches)
    }

    /// Whether an item answers so; looks no further than the first that does.
    fn first_that_is(&self, wanted: bool, array: &str, mismatches: &mut u64) -> bool {
        let mut items = Items::of(array);
        let mut found = self.plan.nothing();
        while let Some(scanner) = items.advance() {
            let checked = self.plan.find_next(scanner, &mut found);
            checked.expect("an array that was found has been checked");
            if self.test.holds(&found, mismatches) == wanted {
                return true;
            }
        }
        false
    }
}

impl Ask {
    /// The answer; `None` if the value is of a type that is not taken.
    fn answer(&self, found: &Value<'_>) -> Option<bool> {
        match (self, found) {
            (Self::Exists, found) => Some(!matches!(found, Value::Missing)),
            (Self::OneOf(members), Value::Null) => Some(members.null),
            (_, Value::Missing | Value::Null) => Some(false),
            (Self::NotNull, _) => Some(true),
            (Self::OneOf(members), found) => members.has(found),
            (Self::Unequal(value), found) => {
                (value.kind() == found.kind()).then(|| found.scalar().as_ref() != Some(value))
            }
            (Self::Order(order, Bound::Number(bound)), Value::Number(number)) => {
                Some(order.holds(number.compare(bound)))
            }
            // UTF-8 sorts by code point.
            (Self::Order(order, Bound::String(bound)), Value::String(text)) => {
                Some(order.holds(text.as_bytes().cmp(bound.as_bytes())))
            }
            (Self::Contains(Scalar::String(part)), Value::String(text)) => Some(text.contains(&**part)),
            (Self::Contains(value), Value::Array(array)) => {
                Some(Items::of(array).any(|item| item.scalar().as_ref() == Some(value)))
            }
            (Self::StartsWith(prefix), Value::String(text)) => Some(text.starts_with(&**prefix)),
            (Self::EndsWith(suffix), Value::String(text)) => Some(text.ends_with(&**suffix)),
            (Self::Matches(pattern), Value::String(text)) => Some(pattern.is_match(text)),
            _ => None,
        }
    }

    /// Whether no value is a mismatch.
    fn takes_anything(&self) -> bool {
        match self {
            Self::Exists | Self::NotNull => true,
            Self::OneOf(members) => members.kinds.is_empty(),
            _ => false,
        }
    }
}

impl Order {
    fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        }
    }
}

impl Members {
    pub(super) fn new(values: Vec<Scalar<'static>>) -> Self {
        let mut kinds = Kinds::default();
        values.iter().filter_map(Scalar::kind).for_each(|kind| kinds.insert(kind));
        Self {
            kinds,
            null: values.contains(&Scalar::Null),
            values: if values.len() > FEW {
                Values::Many(values.into_iter().collect())
            } else {
                Values::Few(values.into())
            },
        }
    }

    /// Each of them once.
    pub(crate) fn distinct(&self) -> FxHashSet<Scalar<'static>> {
        match &self.values {
            Values::Few(values) => values.iter().cloned().collect(),
            Values::Many(values) => values.clone(),
        }
    }

    /// Whether a value of the type is a mismatch.
    pub(crate) fn refuses(&self, kind: Kind) -> bool {
        !self.kinds.is_empty() && !self.kinds.has(kind)
    }

    /// As `Ask::answer`, of what is neither missing nor null.
    fn has(&self, found: &Value<'_>) -> Option<bool> {
        let refused = found.kind().is_some_and(|kind| self.refuses(kind));
        (!refused).then(|| found.scalar().is_some_and(|value| self.contains(&value)))
    }

    fn contains(&self, value: &Scalar<'_>) -> bool {
        match &self.values {
            Values::Few(values) => values.contains(value),
            Values::Many(values) => values.contains(value),
        }
    }
}
