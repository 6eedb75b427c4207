//! JSON text to a value: strict, with exact integers; of equal names the last counts.

use std::borrow::Cow;

use crate::error::{Error, Result};
use crate::update::json::{Json, Object};
use crate::update::number::Number;

/// Levels of nesting that are read; 254 can be written.
const MAX_DEPTH: usize = 1024;
/// Digits of an integer, as many as Python reads and writes. Its own sums may have one more, until they are written.
pub(super) const MAX_DIGITS: usize = 4300;

/// The value that a text is.
///
/// # Errors
/// [`Error::NotJson`] says what is wrong at which byte.
pub(super) fn read(data: &[u8]) -> Result<Json<'_>> {
    let text = str::from_utf8(data).map_err(|error| not_json("invalid UTF-8", error.valid_up_to()))?;
    let mut reader = Reader { text, at: 0 };
    reader.skip_space();
    let value = reader.value(0)?;
    reader.skip_space();
    if reader.at < text.len() { Err(reader.wrong("text after the value")) } else { Ok(value) }
}

fn not_json(what: &str, at: usize) -> Error {
    Error::NotJson(format!("not JSON: {what} at byte {at}"))
}

struct Reader<'a> {
    text: &'a str,
    /// Bytes that are read; what is left begins with a whole letter.
    at: usize,
}

impl<'a> Reader<'a> {
    fn value(&mut self, depth: usize) -> Result<Json<'a>> {
        match self.next() {
            Some(b'{') => self.object(depth + 1),
            Some(b'[') => self.array(depth + 1),
            Some(b'"') => self.string().map(Json::Text),
            Some(b'-' | b'0'..=b'9') => self.number().map(Json::Number),
            Some(b't') => self.word("true", Json::Bool(true)),
            Some(b'f') => self.word("false", Json::Bool(false)),
            Some(b'n') => self.word("null", Json::Null),
            Some(_) => Err(self.wrong("no value")),
            None => Err(self.wrong("the end, where a value should be")),
        }
    }

    fn word(&mut self, word: &str, value: Json<'a>) -> Result<Json<'a>> {
        if !self.text[self.at..].starts_with(word) {
            return Err(self.wrong("no value"));
        }
        self.at += word.len();
        Ok(value)
    }

    fn array(&mut self, depth: usize) -> Result<Json<'a>> {
        self.enter(depth)?;
        let mut elements = Vec::new();
        if self.takes(b']') {
            return Ok(Json::Array(elements));
        }
        loop {
            elements.push(self.value(depth)?);
            if !self.goes_on(b']')? {
                return Ok(Json::Array(elements));
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Json<'a>> {
        self.enter(depth)?;
        let mut members = Vec::new();
        if self.takes(b'}') {
            return Ok(Json::Object(Object::default()));
        }
        loop {
            members.push(self.member(depth)?);
            if !self.goes_on(b'}')? {
                return Ok(Json::Object(Object::of_all(members)));
            }
        }
    }

    fn member(&mut self, depth: usize) -> Result<(Cow<'a, str>, Json<'a>)> {
        if self.next() != Some(b'"') {
            return Err(self.wrong("no name of a member"));
        }
        let name = self.string()?;
        self.skip_space();
        if !self.takes(b':') {
            return Err(self.wrong("no colon after a name"));
        }
        Ok((name, self.value(depth)?))
    }

    /// Past the bracket that opens a level.
    fn enter(&mut self, depth: usize) -> Result<()> {
        if depth > MAX_DEPTH {
            return Err(self.wrong("more than 1024 levels"));
        }
        self.at += 1;
        self.skip_space();
        Ok(())
    }

    /// Past the comma before another element, or past the end.
    fn goes_on(&mut self, end: u8) -> Result<bool> {
        self.skip_space();
        if self.takes(b',') {
            return Ok(true);
        }
        if self.takes(end) {
            return Ok(false);
        }
        Err(self.wrong("no comma and no end of an array or object"))
    }

    fn string(&mut self) -> Result<Cow<'a, str>> {
        let start = self.at;
        let mut plain = true;
        loop {
            self.at += 1;
            match self.next() {
                Some(b'"') => break,
                Some(b'\\') => {
                    plain = false;
                    self.at += 1;
                }
                Some(0x20..) => {}
                Some(_) => return Err(self.wrong("a control character in a string")),
                None => return Err(self.wrong("the end, inside a string")),
            }
        }
        self.at += 1;
        if plain {
            return Ok(Cow::Borrowed(&self.text[start + 1..self.at - 1]));
        }
        let unescaped = serde_json::from_str(&self.text[start..self.at]);
        unescaped.map(Cow::Owned).map_err(|_| not_json("a string with a wrong escape", start))
    }

    fn number(&mut self) -> Result<Number<'a>> {
        let start = self.at;
        self.skip(b'-');
        let leading = self.next();
        let whole = self.digits()?;
        if whole > 1 && leading == Some(b'0') {
            return Err(not_json("a number that begins with 0", start));
        }
        let has_fraction = self.skip(b'.');
        if has_fraction {
            self.digits()?;
        }
        let has_exponent = self.skip(b'e') || self.skip(b'E');
        if has_exponent {
            let _ = self.skip(b'+') || self.skip(b'-');
            self.digits()?;
        }
        let text = &self.text[start..self.at];
        if has_fraction || has_exponent { float(text, start) } else { integer(text, whole, start) }
    }

    /// Past digits, of which there must be one; how many.
    fn digits(&mut self) -> Result<usize> {
        let start = self.at;
        while matches!(self.next(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start { Err(self.wrong("no digit")) } else { Ok(self.at - start) }
    }

    fn next(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip(&mut self, byte: u8) -> bool {
        let found = self.next() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// Whether a byte comes next; past it and the space after it, if it does.
    fn takes(&mut self, byte: u8) -> bool {
        let found = self.skip(byte);
        if found {
            self.skip_space();
        }
        found
    }

    fn skip_space(&mut self) {
        while matches!(self.next(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn wrong(&self, what: &str) -> Error {
        not_json(what, self.at)
    }
}

fn integer(text: &str, digits: usize, at: usize) -> Result<Number<'_>> {
    if digits > MAX_DIGITS {
        return Err(not_json(&format!("an integer of {digits} digits"), at));
    }
    Ok(Number::Int(Cow::Borrowed(if text == "-0" { "0" } else { text })))
}

fn float(text: &str, at: usize) -> Result<Number<'_>> {
    let value = text.parse().ok().filter(|value: &f64| value.is_finite());
    value.map(Number::Float).ok_or_else(|| not_json("a number beyond the range of a float", at))
}
