//! What one operation does to what it finds at its place.

use crate::error::Result;
use crate::update::json::{Json, Object};
use crate::update::number::Number;
use crate::update::{OpKind, read, refused};

/// An operation with its value decoded.
pub(super) enum Change<'a> {
    Set(Json<'a>),
    Merge(Object<'a>),
    Add(Number<'a>),
    Append(Json<'a>),
    Remove,
}

impl<'a> Change<'a> {
    pub(super) fn of(kind: OpKind, value: Option<&'a [u8]>) -> Result<Self> {
        match kind {
            OpKind::Set => given(value).map(Self::Set),
            OpKind::Merge => match given(value)? {
                Json::Object(members) => Ok(Self::Merge(members)),
                other => Err(refused(format!("merges an object, not {}", other.kind()))),
            },
            OpKind::Increment => added(value).map(Self::Add),
            OpKind::Decrement => added(value).map(|number| Self::Add(number.negated())),
            OpKind::Append => given(value).map(Self::Append),
            OpKind::Remove => Ok(Self::Remove),
        }
    }

    pub(super) fn is_removal(&self) -> bool {
        matches!(self, Self::Remove)
    }

    /// What is at the place afterwards, where `found` was.
    pub(super) fn apply(self, found: Option<Json<'a>>) -> Result<Option<Json<'a>>> {
        match self {
            Self::Set(value) => Ok(Some(value)),
            Self::Merge(members) => merged(found, members).map(Some),
            Self::Add(number) => sum(found, &number).map(Some),
            Self::Append(value) => appended(found, value).map(Some),
            Self::Remove => Ok(None),
        }
    }
}

fn given(value: Option<&[u8]>) -> Result<Json<'_>> {
    read::read(value.ok_or_else(|| refused("needs a value"))?)
}

fn added(value: Option<&[u8]>) -> Result<Number<'_>> {
    let Some(value) = value else {
        return Ok(Number::from(1));
    };
    match read::read(value)? {
        Json::Number(number) => Ok(number),
        other => Err(refused(format!("adds a number, not {}", other.kind()))),
    }
}

fn merged<'a>(found: Option<Json<'a>>, over: Object<'a>) -> Result<Json<'a>> {
    match found {
        None => Ok(Json::Object(over)),
        Some(Json::Object(mut members)) => {
            members.merge(over);
            Ok(Json::Object(members))
        }
        Some(other) => Err(refused(format!("there is {}, not an object", other.kind()))),
    }
}

fn sum<'a>(found: Option<Json<'a>>, added: &Number<'a>) -> Result<Json<'a>> {
    let number = match found {
        None => Number::from(0),
        Some(Json::Number(number)) => number,
        Some(other) => return Err(refused(format!("there is {}, not a number", other.kind()))),
    };
    number.plus(added).map(Json::Number).map_err(refused)
}

fn appended<'a>(found: Option<Json<'a>>, value: Json<'a>) -> Result<Json<'a>> {
    let mut elements = match found {
        None => Vec::new(),
        Some(Json::Array(elements)) => elements,
        Some(other) => return Err(refused(format!("there is {}, not an array", other.kind()))),
    };
    elements.push(value);
    Ok(Json::Array(elements))
}
