//! Strings of JSON: where they end, and what they say.

use std::borrow::Cow;

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH_BITS: u64 = ONES * 0x80;

/// What stands between the quotes of a string that has been checked.
#[derive(Clone, Copy)]
pub(super) struct Text<'p> {
    pub(super) raw: &'p str,
    pub(super) escaped: bool,
}

impl<'p> Text<'p> {
    pub(super) fn decoded(self) -> Cow<'p, str> {
        if self.escaped { Cow::Owned(unescaped(self.raw)) } else { Cow::Borrowed(self.raw) }
    }
}

/// From behind the opening quote: where the closing one is, and whether there are escapes before it. Else where it is
/// wrong, and what.
pub(super) fn end(bytes: &[u8], mut at: usize) -> Result<(usize, bool), (usize, &'static str)> {
    let mut escaped = false;
    loop {
        at = plain_until(bytes, at);
        match bytes.get(at) {
            Some(b'"') => return Ok((at, escaped)),
            Some(b'\\') => {
                escaped = true;
                at += escape(bytes, at).map_err(|what| (at, what))?;
            }
            Some(_) => return Err((at, "a control character in a string, which has to be escaped")),
            None => return Err((at, "unexpected end")),
        }
    }
}

/// The next quote, backslash or control character, or the end.
fn plain_until(bytes: &[u8], mut at: usize) -> usize {
    while let Some(chunk) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
        let found = special(u64::from_le_bytes(*chunk));
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    while bytes.get(at).is_some_and(|&byte| !matches!(byte, b'"' | b'\\' | 0..0x20)) {
        at += 1;
    }
    at
}

/// The high bit of each of eight bytes that is a quote, a backslash or a control character. A borrow may set bits too
/// much, but only above one that is right, and the lowest counts.
fn special(bytes: u64) -> u64 {
    let zero = |bytes: u64| bytes.wrapping_sub(ONES) & !bytes;
    let quote = zero(bytes ^ (ONES * u64::from(b'"')));
    let backslash = zero(bytes ^ (ONES * u64::from(b'\\')));
    let control = bytes.wrapping_sub(ONES * 0x20) & !bytes;
    (quote | backslash | control) & HIGH_BITS
}

/// The length of the escape that begins here.
fn escape(bytes: &[u8], at: usize) -> Result<usize, &'static str> {
    match bytes.get(at + 1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(2),
        Some(b'u') => match unit(bytes, at).ok_or("an escape \\u without four hexadecimal digits")? {
            0xD800..0xDC00 => match unit(bytes, at + 6) {
                Some(0xDC00..0xE000) => Ok(12),
                _ => Err("a high surrogate without a low one"),
            },
            0xDC00..0xE000 => Err("a low surrogate without a high one"),
            _ => Ok(6),
        },
        _ => Err("an unknown escape"),
    }
}

/// The value of `\uXXXX`, if it stands there.
fn unit(bytes: &[u8], at: usize) -> Option<u32> {
    let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
    digits.iter().try_fold(0, |value, &digit| Some(value * 16 + char::from(digit).to_digit(16)?))
}

fn unescaped(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((plain, from)) = rest.split_once('\\') {
        text.push_str(plain);
        let (char, length) = one(from);
        text.push(char);
        rest = &from[length..];
    }
    text.push_str(rest);
    text
}

/// What an escape that was checked stands for, and its length without the backslash.
fn one(escape: &str) -> (char, usize) {
    let simple = match escape.as_bytes()[0] {
        b'u' => return point(escape),
        b'b' => '\x08',
        b'f' => '\x0c',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        itself => char::from(itself),
    };
    (simple, 1)
}

fn point(escape: &str) -> (char, usize) {
    let unit = |at: usize| u32::from_str_radix(&escape[at..at + 4], 16).expect("the digits have been checked");
    let high = unit(1);
    if let Some(char) = char::from_u32(high) {
        return (char, 5);
    }
    let point = 0x1_0000 + ((high - 0xD800) << 10) + (unit(7) - 0xDC00);
    (char::from_u32(point).expect("surrogates that were checked are a pair"), 11)
}
