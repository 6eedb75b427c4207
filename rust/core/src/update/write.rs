//! A value to compact JSON text.

use crate::update::json::Json;
use crate::update::number::{Number, digits};
use crate::update::read::MAX_DIGITS;

/// Levels of nesting that can be written, as many as the encoder of values does.
const MAX_DEPTH: usize = 254;

/// The text of a value; refuses what JSON cannot hold, and says where it is: `payload.items[3].price`.
pub(super) fn write(value: &Json<'_>, name: &str) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    match push(&mut out, value, 0) {
        Ok(()) => Ok(out),
        Err(Refusal::Deep) => Err(format!("{name}: nested deeper than {MAX_DEPTH} levels")),
        Err(Refusal::At(place, why)) => Err(format!("{name}{place}: {why}")),
    }
}

enum Refusal {
    Deep,
    /// The place within the value, and what is wrong there.
    At(String, &'static str),
}

impl Refusal {
    fn within(self, step: impl FnOnce() -> String) -> Self {
        match self {
            Self::Deep => Self::Deep,
            Self::At(place, why) => Self::At(step() + &place, why),
        }
    }
}

fn push(out: &mut Vec<u8>, value: &Json<'_>, depth: usize) -> Result<(), Refusal> {
    match value {
        Json::Null => out.extend(b"null"),
        Json::Bool(true) => out.extend(b"true"),
        Json::Bool(false) => out.extend(b"false"),
        Json::Number(number) => push_number(out, number)?,
        Json::Text(text) => push_text(out, text),
        Json::Array(_) | Json::Object(_) if depth == MAX_DEPTH => return Err(Refusal::Deep),
        Json::Array(elements) => {
            out.push(b'[');
            for (index, element) in elements.iter().enumerate() {
                separate(out, index);
                push(out, element, depth + 1).map_err(|refusal| refusal.within(|| format!("[{index}]")))?;
            }
            out.push(b']');
        }
        Json::Object(members) => {
            out.push(b'{');
            for (index, (name, member)) in members.members().iter().enumerate() {
                separate(out, index);
                push_text(out, name);
                out.push(b':');
                push(out, member, depth + 1).map_err(|refusal| refusal.within(|| spelled(name)))?;
            }
            out.push(b'}');
        }
    }
    Ok(())
}

fn separate(out: &mut Vec<u8>, index: usize) {
    if index > 0 {
        out.push(b',');
    }
}

fn push_number(out: &mut Vec<u8>, number: &Number<'_>) -> Result<(), Refusal> {
    match number {
        Number::Int(text) if digits(text) > MAX_DIGITS => {
            Err(Refusal::At(String::new(), "an integer of so many digits cannot be written"))
        }
        Number::Int(text) => {
            out.extend(text.as_bytes());
            Ok(())
        }
        Number::Float(value) if !value.is_finite() => Err(Refusal::At(String::new(), "infinity is not JSON")),
        Number::Float(value) => {
            serde_json::to_writer(out, value).expect("memory can be written");
            Ok(())
        }
    }
}

fn push_text(out: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(out, text).expect("memory can be written");
}

/// A member as Python spells it: `.price`, `["a b"]`.
fn spelled(name: &str) -> String {
    let mut letters = name.chars();
    let is_identifier = letters.next().is_some_and(|first| first == '_' || first.is_alphabetic())
        && letters.all(|letter| letter == '_' || letter.is_alphanumeric());
    if is_identifier {
        return format!(".{name}");
    }
    let mut quoted = Vec::new();
    push_text(&mut quoted, name);
    format!("[{}]", String::from_utf8_lossy(&quoted))
}
