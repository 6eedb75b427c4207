//! `update` of a state value: a list of changes at paths, all of them or none.

mod change;
mod json;
mod number;
mod quoted;
mod read;
mod write;

use std::borrow::Cow;
use std::fmt;

use crate::error::{Error, Result};
use crate::job::Bytes;
use crate::update::change::Change;
use crate::update::json::{Json, Object};

pub(crate) use crate::update::quoted::quoted;

/// Segments of a path, which keeps the recursion along it within any thread's stack. A place deeper than 254 levels
/// cannot be written anyway.
const MAX_PATH: usize = 1024;

/// One step into a value: a member of an object, or a place in an array. An index names a member too, by its digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    Key(String),
    Index(i64),
}

/// What an operation does at its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpKind {
    Set,
    /// Lays an object over the object there, one level deep.
    Merge,
    /// Adds a number, 1 if none is given; what is missing counts as 0.
    Increment,
    Decrement,
    /// Adds to the end of an array; what is missing counts as an empty one.
    Append,
    /// What is missing stays so.
    Remove,
}

/// One change inside a JSON value. `path` is empty for the value itself; `value` is JSON.
#[derive(Clone, Debug)]
pub struct UpdateOp {
    pub kind: OpKind,
    pub path: Vec<Segment>,
    pub value: Option<Bytes>,
}

/// The JSON of `value` after all `ops`: compact, numbers and members in order as they were.
///
/// # Errors
/// [`Error::UpdateRefused`] names the operation that does not fit; [`Error::NotJson`] where a value is no JSON.
pub fn apply(value: Option<&[u8]>, ops: &[UpdateOp]) -> Result<Vec<u8>> {
    let mut root = value.map(read::read).transpose()?;
    for (number, op) in (1_usize..).zip(ops) {
        root = changed(root, op).map_err(|error| located(error, number, op))?;
    }
    let root = root.ok_or_else(|| refused("the update leaves no value; use delete to remove an item"))?;
    write::write(&root, "payload").map_err(|why| refused(format!("the result is not JSON: {why}")))
}

fn changed<'a>(root: Option<Json<'a>>, op: &'a UpdateOp) -> Result<Option<Json<'a>>> {
    let change = Change::of(op.kind, op.value.as_deref())?;
    if op.path.len() > MAX_PATH {
        return Err(refused(format!("a path of {} segments, more than {MAX_PATH}", op.path.len())));
    }
    at(root, &op.path, change)
}

fn located(error: Error, number: usize, op: &UpdateOp) -> Error {
    match error {
        Error::UpdateRefused(why) => {
            refused(format!("operation {number} (\"{}\" at {}): {why}", op.kind, Path(&op.path)))
        }
        other => other,
    }
}

/// `node` with `change` made at `path`; what is missing on the way becomes an object.
fn at<'a>(node: Option<Json<'a>>, path: &'a [Segment], change: Change<'a>) -> Result<Option<Json<'a>>> {
    let Some((segment, rest)) = path.split_first() else {
        return change.apply(node);
    };
    match node {
        None => {
            let found = at(None, rest, change)?;
            Ok(found.map(|found| Json::Object(Object::of(segment.name(), found))))
        }
        Some(Json::Object(members)) => in_object(members, segment.name(), rest, change).map(Some),
        Some(Json::Array(elements)) => in_array(elements, segment, rest, change).map(Some),
        Some(other) => Err(refused(format!("{} has nothing inside it", other.kind()))),
    }
}

fn in_object<'a>(
    mut members: Object<'a>,
    name: Cow<'a, str>,
    rest: &'a [Segment],
    change: Change<'a>,
) -> Result<Json<'a>> {
    let place = members.place(&name);
    let found = at(place.map(|place| members.take(place)), rest, change)?;
    match (place, found) {
        (Some(place), Some(found)) => members.put_back(place, found),
        (Some(place), None) => members.remove(place),
        (None, Some(found)) => members.push(name, found),
        (None, None) => {}
    }
    Ok(Json::Object(members))
}

fn in_array<'a>(
    mut elements: Vec<Json<'a>>,
    segment: &Segment,
    rest: &'a [Segment],
    change: Change<'a>,
) -> Result<Json<'a>> {
    let beyond = matches!(segment, Segment::Index(index) if usize::try_from(*index).is_ok_and(|i| i > elements.len()));
    if beyond && change.is_removal() {
        return Ok(Json::Array(elements));
    }
    let Some(index) = segment.index().filter(|index| *index <= elements.len()) else {
        return Err(refused(format!("{segment} is not an index of an array of {}", elements.len())));
    };
    let node = elements.get_mut(index).map(std::mem::take);
    let is_new = node.is_none();
    match at(node, rest, change)? {
        Some(found) if is_new => elements.push(found),
        Some(found) => elements[index] = found,
        None if is_new => {}
        None => drop(elements.remove(index)),
    }
    Ok(Json::Array(elements))
}

fn refused(why: impl Into<String>) -> Error {
    Error::UpdateRefused(why.into())
}

impl Segment {
    /// The member that it names.
    fn name(&self) -> Cow<'_, str> {
        match self {
            Self::Key(key) => Cow::Borrowed(key),
            Self::Index(index) => Cow::Owned(index.to_string()),
        }
    }

    fn index(&self) -> Option<usize> {
        match self {
            Self::Key(_) => None,
            Self::Index(index) => usize::try_from(*index).ok(),
        }
    }
}

impl fmt::Display for Segment {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) => out.write_str(&quoted(key)),
            Self::Index(index) => index.fmt(out),
        }
    }
}

impl fmt::Display for OpKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Set => "set",
            Self::Merge => "merge",
            Self::Increment => "increment",
            Self::Decrement => "decrement",
            Self::Append => "append",
            Self::Remove => "remove",
        })
    }
}

/// A path as errors spell it: `a.b.0`.
struct Path<'a>(&'a [Segment]);

impl fmt::Display for Path<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.0.iter().map(Segment::name).collect();
        let text = names.join(".");
        out.write_str(if text.is_empty() { "the value itself" } else { &text })
    }
}

#[cfg(test)]
mod tests;
