//! What a path finds in a payload, and what a condition compares it with.

use std::borrow::Cow;
use std::cell::OnceCell;

use super::number::{Exact, Number};
use super::plan::Segment;
use super::scan;

/// What is at a place of a payload. `None` beside it is what is missing.
#[derive(Debug)]
pub(crate) enum Value<'p> {
    Null,
    Bool(bool),
    Number(Number<'p>),
    String(Cow<'p, str>),
    Array(Array<'p>),
    Object(Object<'p>),
}

/// An array whose text has been checked. Its items are read when one is asked for, all at once, and once for all.
#[derive(Debug)]
pub(crate) struct Array<'p> {
    pub(super) text: &'p str,
    items: OnceCell<Vec<Value<'p>>>,
}

/// An object whose text has been checked. Its keys and values are read when one is asked for, and once for all.
#[derive(Debug)]
pub(crate) struct Object<'p> {
    pub(super) text: &'p str,
    entries: OnceCell<Vec<Entry<'p>>>,
}

/// A key and its value.
type Entry<'p> = (Cow<'p, str>, Value<'p>);

impl<'p> Array<'p> {
    pub(super) fn new(text: &'p str) -> Self {
        Self { text, items: OnceCell::new() }
    }

    pub(super) fn items(&self) -> &[Value<'p>] {
        self.items.get_or_init(|| {
            let items = scan::items(self.text);
            items.expect("the text of a value has been checked")
        })
    }
}

impl<'p> Object<'p> {
    pub(super) fn new(text: &'p str) -> Self {
        Self { text, entries: OnceCell::new() }
    }

    /// In the order of the text, equal keys each.
    pub(super) fn entries(&self) -> &[Entry<'p>] {
        self.entries.get_or_init(|| {
            let entries = scan::entries(self.text);
            entries.expect("the text of a value has been checked")
        })
    }

    /// The last one counts of equal keys.
    pub(super) fn get(&self, key: &str) -> Option<&Value<'p>> {
        let found = self.entries().iter().rfind(|(name, _)| name == key);
        found.map(|(_, value)| value)
    }

    /// How many different keys there are.
    pub(super) fn len(&self) -> usize {
        // Sorted, not hashed: who sends a payload chooses the keys, and could choose them to collide.
        let mut keys: Vec<&str> = self.entries().iter().map(|(key, _)| &**key).collect();
        keys.sort_unstable();
        keys.dedup();
        keys.len()
    }
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
    /// What the path leads to from here.
    pub(super) fn at(&self, path: &[Segment]) -> Option<&Self> {
        path.iter().try_fold(self, |value, segment| match (segment, value) {
            (Segment::Key(key), Self::Object(object)) => object.get(key),
            (Segment::Place(place), Self::Array(array)) => array.items().get(*place),
            _ => None,
        })
    }

    /// `None` for null.
    pub(crate) fn kind(&self) -> Option<Kind> {
        Some(match self {
            Self::Null => return None,
            Self::Bool(_) => Kind::Bool,
            Self::Number(_) => Kind::Number,
            Self::String(_) => Kind::String,
            Self::Array(_) => Kind::Array,
            Self::Object(_) => Kind::Object,
        })
    }

    /// As what compares equal to all that equals it; `None` for a container.
    pub(crate) fn scalar(&self) -> Option<Scalar<'_>> {
        Some(match self {
            Self::Null => Scalar::Null,
            Self::Bool(value) => Scalar::Bool(*value),
            Self::Number(number) => Scalar::Number(number.exact()),
            Self::String(text) => Scalar::String(Cow::Borrowed(text)),
            Self::Array(_) | Self::Object(_) => return None,
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
