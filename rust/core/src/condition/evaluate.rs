//! What a condition is compiled to, and whether it holds for what was found in a payload.
//!
//! It looks from left to right and stops where the answer is known, so that the mismatches are counted as the pure
//! engine counts them.

use std::cmp::Ordering;

use regex::Regex;
use rustc_hash::FxHashSet;

use super::number::Number;
use super::plan::Segment;
use super::value::{Kind, Kinds, Scalar, Value};

/// Up to so many values of `in` are compared one by one.
const FEW: usize = 8;

/// A compiled condition.
#[derive(Debug)]
pub(crate) enum Test {
    And(Box<[Test]>),
    Or(Box<[Test]>),
    Not(Box<Test>),
    /// Whether some item of the array is like that.
    Any(Place, Box<Test>),
    /// Whether each item of the array is like that.
    All(Place, Box<Test>),
    Value(Place, Ask),
    Length(Place, Ask),
}

/// Where a condition looks.
#[derive(Debug)]
pub(crate) enum Place {
    /// In the payload: a slot of the plan.
    Slot(usize),
    /// In the item of the innermost array that is gone through.
    InItem(Box<[Segment]>),
}

/// What a condition is about.
#[derive(Clone, Copy)]
pub(crate) enum Subject<'f, 'p> {
    Payload(&'f [Option<Value<'p>>]),
    Item(&'f Value<'p>),
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

impl<'f, 'p> Subject<'f, 'p> {
    fn at(self, place: &Place) -> Option<&'f Value<'p>> {
        match (self, place) {
            (Self::Payload(found), Place::Slot(slot)) => found[*slot].as_ref(),
            (Self::Item(item), Place::InItem(path)) => item.at(path),
            _ => unreachable!("conditions within `any` and `all` are about items, others about the payload"),
        }
    }
}

impl Test {
    /// Whether it holds. Adds the comparisons that met a value of another type to `mismatches`.
    pub(crate) fn holds(&self, subject: Subject<'_, '_>, mismatches: &mut u64) -> bool {
        let found = |place| subject.at(place);
        match self {
            Self::And(parts) => parts.iter().all(|part| part.holds(subject, mismatches)),
            Self::Or(parts) => parts.iter().any(|part| part.holds(subject, mismatches)),
            Self::Not(part) => !part.holds(subject, mismatches),
            Self::Any(place, test) => items(found(place), mismatches)
                .is_some_and(|items| items.iter().any(|item| test.holds(Subject::Item(item), mismatches))),
            Self::All(place, test) => items(found(place), mismatches)
                .is_some_and(|items| items.iter().all(|item| test.holds(Subject::Item(item), mismatches))),
            Self::Value(place, ask) => counted(ask.answer(found(place)), mismatches),
            Self::Length(place, ask) => counted(ask.answer_of_length(found(place)), mismatches),
        }
    }
}

/// The items of an array. Null and what is missing are none, anything else is a mismatch.
fn items<'f, 'p>(found: Option<&'f Value<'p>>, mismatches: &mut u64) -> Option<&'f [Value<'p>]> {
    match found? {
        Value::Array(array) => return Some(array.items()),
        Value::Null => {}
        _ => *mismatches += 1,
    }
    None
}

fn counted(answer: Option<bool>, mismatches: &mut u64) -> bool {
    *mismatches += u64::from(answer.is_none());
    answer.unwrap_or(false)
}

/// The length of what has one.
fn length(found: &Value<'_>) -> Option<usize> {
    match found {
        Value::String(text) => Some(text.chars().count()),
        Value::Array(array) => Some(array.items().len()),
        Value::Object(object) => Some(object.len()),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

impl Ask {
    /// The answer; `None` if the value is of a type that is not taken.
    fn answer(&self, found: Option<&Value<'_>>) -> Option<bool> {
        match (self, found) {
            (Self::Exists, found) => Some(found.is_some()),
            (Self::OneOf(members), Some(Value::Null)) => Some(members.null),
            (_, None | Some(Value::Null)) => Some(false),
            (_, Some(found)) => self.answer_of_value(found),
        }
    }

    /// As `answer`, about the length of the value.
    fn answer_of_length(&self, found: Option<&Value<'_>>) -> Option<bool> {
        match (self, found) {
            (_, None | Some(Value::Null)) => Some(false),
            (Self::OneOf(members), _) if members.kinds.is_empty() => Some(false),
            (_, Some(found)) => {
                let length = i64::try_from(length(found)?).unwrap_or(i64::MAX);
                self.answer_of_value(&Value::Number(Number::Integer(length)))
            }
        }
    }

    /// As `answer`, of what is not null.
    fn answer_of_value(&self, found: &Value<'_>) -> Option<bool> {
        match (self, found) {
            (Self::Exists | Self::NotNull, _) => Some(true),
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
                Some(array.items().iter().any(|item| item.scalar().as_ref() == Some(value)))
            }
            (Self::StartsWith(prefix), Value::String(text)) => Some(text.starts_with(&**prefix)),
            (Self::EndsWith(suffix), Value::String(text)) => Some(text.ends_with(&**suffix)),
            (Self::Matches(pattern), Value::String(text)) => Some(pattern.is_match(text)),
            _ => None,
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

    /// As `Ask::answer_of_value`.
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
