//! Reads JSON as strictly as the pure engine's decoder does, and passes fast over what nobody asked for.

use std::borrow::Cow;

use super::number::{self, MAX_DIGITS, Number};
use super::string::{self, Text};
use super::value::{Array, Object, Value};

/// Containers within containers: orjson's limit.
const MAX_NESTING: usize = 1024;

/// A payload that is not JSON: what is wrong, and where.
///
/// As strict as the pure engine: UTF-8 without a mark, no NaN, no number beyond a float's range, no lone surrogates, no
/// integer of more than 4,300 digits, at most 1,024 levels.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: line {} column {} (char {})", .0.what, .0.line, .0.column, .0.character)]
pub struct NotJson(Box<Fault>); // small, because results are many and errors few

#[derive(Clone, Debug, PartialEq, Eq)]
struct Fault {
    what: &'static str,
    line: usize,
    column: usize,
    character: usize,
}

impl NotJson {
    #[cold]
    fn new(what: &'static str, before: &str) -> Self {
        let line = before.rsplit('\n').next().unwrap_or(before);
        Self(Box::new(Fault {
            what,
            line: before.matches('\n').count() + 1,
            column: line.chars().count() + 1,
            character: before.chars().count(),
        }))
    }

    /// What is wrong, without the place.
    #[must_use]
    pub fn what(&self) -> &'static str {
        self.0.what
    }

    /// Where it is wrong: the number of code points before.
    #[must_use]
    pub fn character(&self) -> usize {
        self.0.character
    }
}

pub(super) type Result<T, E = NotJson> = std::result::Result<T, E>;

/// A position in a JSON text. The text before it has been checked.
pub(super) struct Scanner<'p> {
    text: &'p str,
    at: usize,
    depth: usize,
    /// One bit for each open container: whether it is an object.
    objects: [u64; MAX_NESTING / 64],
}

impl<'p> Scanner<'p> {
    pub(super) fn new(payload: &'p [u8]) -> Result<Self> {
        match std::str::from_utf8(payload) {
            Ok(text) => Ok(Self::over(text)),
            Err(error) => {
                let before = String::from_utf8_lossy(&payload[..error.valid_up_to()]);
                Err(NotJson::new("not valid UTF-8", &before))
            }
        }
    }

    pub(super) fn over(text: &'p str) -> Self {
        Self { text, at: 0, depth: 0, objects: [0; MAX_NESTING / 64] }
    }

    /// The next value, which is checked as a whole; of a container only its text is kept.
    pub(super) fn value(&mut self) -> Result<Value<'p>> {
        self.space();
        let start = self.at;
        Ok(match self.peek() {
            Some(b'"') => Value::String(self.string()?.decoded()),
            Some(b'{') => {
                self.skip()?;
                Value::Object(Object::new(self.since(start)))
            }
            Some(b'[') => {
                self.skip()?;
                Value::Array(Array::new(self.since(start)))
            }
            Some(b't') => self.word("true", Value::Bool(true))?,
            Some(b'f') => self.word("false", Value::Bool(false))?,
            Some(b'n') => self.word("null", Value::Null)?,
            _ => Value::Number(self.number()?.value()),
        })
    }

    /// Checks the next value, and passes over it.
    pub(super) fn skip(&mut self) -> Result<()> {
        let outside = self.depth;
        loop {
            if !self.begin()? {
                continue; // inside of a container that has members
            }
            if !self.next_member(outside)? {
                return Ok(());
            }
        }
    }

    /// Passes over a scalar or an empty container, true; or enters a container up to its first value, false.
    fn begin(&mut self) -> Result<bool> {
        self.space();
        match self.peek() {
            Some(b'"') => self.string().map(|_| ())?,
            Some(b'{') => {
                self.enter()?;
                return Ok(self.key(true)?.is_none());
            }
            Some(b'[') => {
                self.enter()?;
                return Ok(!self.item(true)?);
            }
            Some(b't') => self.word("true", ())?,
            Some(b'f') => self.word("false", ())?,
            Some(b'n') => self.word("null", ())?,
            _ => self.number().map(|_| ())?,
        }
        Ok(true)
    }

    /// Behind a value: leaves the containers that end here; false if none is left that began after `outside`.
    fn next_member(&mut self, outside: usize) -> Result<bool> {
        while self.depth > outside {
            let more = if self.in_object() { self.key(false)?.is_some() } else { self.item(false)? };
            if more {
                return Ok(true);
            }
        }
        Ok(false)
    }

    // ------------------------------------------------------------ containers

    /// Enters the container that begins here.
    pub(super) fn enter(&mut self) -> Result<()> {
        if self.depth == MAX_NESTING {
            return Err(self.wrong("nested deeper than 1024 levels"));
        }
        let (word, bit) = (self.depth / 64, 1 << (self.depth % 64));
        if self.peek() == Some(b'{') {
            self.objects[word] |= bit;
        } else {
            self.objects[word] &= !bit;
        }
        self.depth += 1;
        self.at += 1;
        Ok(())
    }

    fn in_object(&self) -> bool {
        let last = self.depth - 1;
        self.objects[last / 64] >> (last % 64) & 1 == 1
    }

    /// In an object, whose `first` key or a later one is to come: the key, up to its value; `None` past the object.
    pub(super) fn key(&mut self, first: bool) -> Result<Option<Text<'p>>> {
        if !self.goes_on(first, b'}', "expected \",\" or \"}\"")? {
            return Ok(None);
        }
        if self.peek() != Some(b'"') {
            return Err(self.wrong("expected a key, which is a string"));
        }
        let key = self.string()?;
        self.space();
        if self.peek() != Some(b':') {
            return Err(self.wrong("expected \":\""));
        }
        self.at += 1;
        Ok(Some(key))
    }

    /// In an array, whose `first` item or a later one is to come: whether there is one; the position is past the array
    /// if not.
    pub(super) fn item(&mut self, first: bool) -> Result<bool> {
        self.goes_on(first, b']', "expected \",\" or \"]\"")
    }

    fn goes_on(&mut self, first: bool, end: u8, expected: &'static str) -> Result<bool> {
        self.space();
        match self.peek() {
            Some(byte) if byte == end => {
                self.at += 1;
                self.depth -= 1;
                Ok(false)
            }
            _ if first => Ok(true),
            Some(b',') => {
                self.at += 1;
                self.space();
                if self.peek() == Some(end) {
                    return Err(self.wrong("a comma with nothing behind it"));
                }
                Ok(true)
            }
            _ => Err(self.wrong(expected)),
        }
    }

    // ------------------------------------------------------------ scalars

    fn string(&mut self) -> Result<Text<'p>> {
        match string::end(self.text.as_bytes(), self.at + 1) {
            Ok((end, escaped)) => {
                let raw = &self.text[self.at + 1..end];
                self.at = end + 1;
                Ok(Text { raw, escaped })
            }
            Err((at, what)) => {
                self.at = at;
                Err(self.wrong(what))
            }
        }
    }

    fn word<T>(&mut self, word: &str, value: T) -> Result<T> {
        if !self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            return Err(self.wrong("expected a value"));
        }
        self.at += word.len();
        Ok(value)
    }

    fn number(&mut self) -> Result<Numeral<'p>> {
        let start = self.at;
        self.at += usize::from(self.peek() == Some(b'-'));
        let first = self.peek();
        let digits = self.digits();
        match (digits, first) {
            (0, None) => return Err(self.wrong("unexpected end")),
            (0, _) => return Err(self.wrong("expected a value")),
            (2.., Some(b'0')) => return Err(self.at_start(start, "a number with a leading zero")),
            _ => {}
        }
        let integer = self.fraction()?;
        let exponent = self.exponent()?;
        let numeral = Numeral { text: self.since(start), integer: integer && exponent.is_none() };
        if numeral.integer && digits > MAX_DIGITS {
            return Err(self.at_start(start, "an integer of more than 4300 digits"));
        }
        // Below 200 characters with two digits of an exponent nothing reaches 1e308.
        let small = exponent.unwrap_or(0) <= 2 && numeral.text.len() <= 200;
        if !small && !numeral.integer && !number::float(numeral.text).is_finite() {
            return Err(self.at_start(start, "a number beyond the range of a float"));
        }
        Ok(numeral)
    }

    /// Passes over the fraction; whether there is none.
    fn fraction(&mut self) -> Result<bool> {
        if self.peek() != Some(b'.') {
            return Ok(true);
        }
        self.at += 1;
        if self.digits() == 0 {
            return Err(self.wrong("expected a digit behind the point"));
        }
        Ok(false)
    }

    /// Passes over the exponent, if there is one; how many digits it has.
    fn exponent(&mut self) -> Result<Option<usize>> {
        if !matches!(self.peek(), Some(b'e' | b'E')) {
            return Ok(None);
        }
        self.at += 1;
        self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
        match self.digits() {
            0 => Err(self.wrong("expected a digit of the exponent")),
            digits => Ok(Some(digits)),
        }
    }

    fn digits(&mut self) -> usize {
        let rest = &self.text.as_bytes()[self.at..];
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += digits;
        digits
    }

    // ------------------------------------------------------------ the text

    /// Nothing but white space may be left.
    pub(super) fn finish(&mut self) -> Result<()> {
        self.space();
        if self.at < self.text.len() {
            return Err(self.wrong("more behind the value"));
        }
        Ok(())
    }

    pub(super) fn space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn since(&self, start: usize) -> &'p str {
        &self.text[start..self.at]
    }

    #[cold]
    fn wrong(&self, what: &'static str) -> NotJson {
        let what = if self.at >= self.text.len() { "unexpected end" } else { what };
        self.at_start(self.at, what)
    }

    #[cold]
    fn at_start(&self, start: usize, what: &'static str) -> NotJson {
        // Where an escape is cut off, the place may be inside of a character, or past the end.
        let end = (start.min(self.text.len())..=self.text.len()).find(|&at| self.text.is_char_boundary(at));
        NotJson::new(what, &self.text[..end.unwrap_or(self.text.len())])
    }
}

/// A number as it is written.
struct Numeral<'p> {
    text: &'p str,
    integer: bool,
}

impl<'p> Numeral<'p> {
    fn value(&self) -> Number<'p> {
        if !self.integer {
            return Number::Float(number::float(self.text));
        }
        match self.text.parse() {
            Ok(value) => Number::Integer(value),
            Err(_) => Number::Long(Cow::Borrowed(self.text)),
        }
    }
}

/// The items of the array that the text begins with.
pub(super) fn items(array: &str) -> Result<Vec<Value<'_>>> {
    let mut scanner = Scanner::over(array);
    let mut items = Vec::new();
    scanner.enter()?;
    while scanner.item(items.is_empty())? {
        items.push(scanner.value()?);
    }
    Ok(items)
}

/// The keys and values of the object that the text begins with, equal keys each.
pub(super) fn entries(object: &str) -> Result<Vec<(Cow<'_, str>, Value<'_>)>> {
    let mut scanner = Scanner::over(object);
    let mut entries = Vec::new();
    scanner.enter()?;
    while let Some(key) = scanner.key(entries.is_empty())? {
        entries.push((key.decoded(), scanner.value()?));
    }
    Ok(entries)
}
