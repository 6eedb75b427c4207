//! What a path finds in a payload, and what a condition compares it with.

use std::borrow::Cow;

use super::number::{Exact, Number};

/// What is at a place of a payload; containers as their text, which has been checked.
#[derive(Clone, Debug)]
pub(crate) enum Value<'p> {
    Missing,
    Null,
    Bool(bool),
    Number(Number<'p>),
    String(Cow<'p, str>),
    Array(&'p str),
    Object(&'p str),
}

/// The types of values. Null is of none: it is compared with any, and never a mismatch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Bool,
    Number,
    String,
    Array,
    Object,
}

impl Kind {
    pub(crate) const ALL: [Self; 5] = [Self::Bool, Self::Number, Self::String, Self::Array, Self::Object];
}

/// A set of kinds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Kinds(u8);

impl Kinds {
    pub(crate) fn insert(&mut self, kind: Kind) {
        self.0 |= 1 << kind as u8;
    }

    pub(crate) fn has(self, kind: Kind) -> bool {
        self.0 >> kind as u8 & 1 == 1
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl Value<'_> {
    /// `None` for null and what is missing.
    pub(crate) fn kind(&self) -> Option<Kind> {
        Some(match self {
            Self::Missing | Self::Null => return None,
            Self::Bool(_) => Kind::Bool,
            Self::Number(_) => Kind::Number,
            Self::String(_) => Kind::String,
            Self::Array(_) => Kind::Array,
            Self::Object(_) => Kind::Object,
        })
    }

    /// As what compares equal to all that equals it; `None` for a container and what is missing.
    pub(crate) fn scalar(&self) -> Option<Scalar<'_>> {
        Some(match self {
            Self::Null => Scalar::Null,
            Self::Bool(value) => Scalar::Bool(*value),
            Self::Number(number) => Scalar::Number(number.exact()),
            Self::String(text) => Scalar::String(Cow::Borrowed(text)),
            Self::Missing | Self::Array(_) | Self::Object(_) => return None,
        })
    }
}

/// A value that others can be equal to: two are the same exactly if they are equal as conditions have it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Scalar<'p> {
    Null,
    Bool(bool),
    Number(Exact<'p>),
    String(Cow<'p, str>),
}

impl Scalar<'_> {
    /// `None` for null.
    pub(crate) fn kind(&self) -> Option<Kind> {
        match self {
            Self::Null => None,
            Self::Bool(_) => Some(Kind::Bool),
            Self::Number(_) => Some(Kind::Number),
            Self::String(_) => Some(Kind::String),
        }
    }

    pub(crate) fn into_owned(self) -> Scalar<'static> {
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        match self {
            Self::Null => Scalar::Null,
            Self::Bool(value) => Scalar::Bool(value),
            Self::Number(Exact::Integer(value)) => Scalar::Number(Exact::Integer(value)),
            Self::Number(Exact::Fraction(bits)) => Scalar::Number(Exact::Fraction(bits)),
            Self::Number(Exact::Long(digits)) => Scalar::Number(Exact::Long(owned(digits))),
            Self::String(text) => Scalar::String(owned(text)),
        }
    }
}
