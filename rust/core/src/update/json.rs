//! A JSON value that borrows what it can of its text.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::update::number::Number;

/// Members up to which a name is looked for one by one.
const FEW: usize = 16;

#[derive(Debug, Default)]
pub(super) enum Json<'a> {
    #[default]
    Null,
    Bool(bool),
    Number(Number<'a>),
    Text(Cow<'a, str>),
    Array(Vec<Json<'a>>),
    Object(Object<'a>),
}

impl Json<'_> {
    /// As errors call it.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::Text(_) => "a string",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
        }
    }
}

type Member<'a> = (Cow<'a, str>, Json<'a>);

/// Members in order, with names that differ.
#[derive(Debug, Default)]
pub(super) struct Object<'a>(Vec<Member<'a>>);

impl<'a> Object<'a> {
    /// An object of one member.
    pub(super) fn of(name: Cow<'a, str>, value: Json<'a>) -> Self {
        Self(vec![(name, value)])
    }

    /// An object of members that may bear the same name: the last counts, in the place of the first.
    pub(super) fn of_all(members: Vec<Member<'a>>) -> Self {
        let few = members.len() <= FEW;
        if few && (1..members.len()).all(|end| members[..end].iter().all(|(name, _)| *name != members[end].0)) {
            return Self(members);
        }
        let mut object = Self::default();
        object.merge(Self(members));
        object
    }

    pub(super) fn members(&self) -> &[Member<'a>] {
        &self.0
    }

    /// Where the member of a name is.
    pub(super) fn place(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|(known, _)| known == name)
    }

    /// The value of a member, until [`Object::put_back`] or [`Object::remove`].
    pub(super) fn take(&mut self, place: usize) -> Json<'a> {
        std::mem::take(&mut self.0[place].1)
    }

    pub(super) fn put_back(&mut self, place: usize, value: Json<'a>) {
        self.0[place].1 = value;
    }

    pub(super) fn remove(&mut self, place: usize) {
        self.0.remove(place);
    }

    /// Adds a member of a new name.
    pub(super) fn push(&mut self, name: Cow<'a, str>, value: Json<'a>) {
        self.0.push((name, value));
    }

    /// Sets each of `over`'s members. Linear in both: a caller's object may have 100,000 members.
    pub(super) fn merge(&mut self, over: Object<'a>) {
        if over.0.len() <= 1 {
            for (name, value) in over.0 {
                let place = self.place(&name);
                self.set(place, name, value);
            }
            return;
        }
        let mut places: HashMap<Cow<'a, str>, usize> =
            self.0.iter().enumerate().map(|(place, (name, _))| (name.clone(), place)).collect();
        for (name, value) in over.0 {
            let next = self.0.len();
            let place = *places.entry(name.clone()).or_insert(next);
            self.set((place < next).then_some(place), name, value);
        }
    }

    fn set(&mut self, place: Option<usize>, name: Cow<'a, str>, value: Json<'a>) {
        match place {
            Some(place) => self.put_back(place, value),
            None => self.push(name, value),
        }
    }
}
