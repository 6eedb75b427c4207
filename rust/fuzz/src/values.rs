//! Where the values of a JSON text stand, so that one can take another's place and it stays JSON.

use std::ops::Range;

/// A value, and the key that it has if it is a member of an object.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    key: Range<usize>,
    start: usize,
}

impl Place {
    /// With its quotes; empty if there is none.
    pub(crate) fn key<'d>(&self, data: &'d [u8]) -> &'d [u8] {
        &data[self.key.clone()]
    }

    /// The value in the text that it was found in.
    pub(crate) fn value(&self, data: &[u8]) -> Range<usize> {
        self.start..self.start + length(&data[self.start..])
    }
}

/// The values of a text that may be JSON, those in containers too.
pub(crate) fn places(data: &[u8]) -> Vec<Place> {
    let (mut places, mut at, mut key) = (Vec::new(), 0, 0..0);
    while at < data.len() {
        let length = match data[at] {
            b'[' | b'{' => 1,
            byte if begins_scalar(byte) => length(&data[at..]),
            _ => {
                at += 1;
                continue;
            }
        };
        if data[at] == b'"' && data.get(at + length) == Some(&b':') {
            key = at..at + length;
        } else {
            places.push(Place { key, start: at });
            key = 0..0;
        }
        at += length;
    }
    places
}

fn begins_scalar(byte: u8) -> bool {
    matches!(byte, b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n')
}

/// Of what begins here, over 0.
fn length(data: &[u8]) -> usize {
    match data[0] {
        b'"' => string(data),
        b'[' | b'{' => container(data),
        _ => data.iter().take_while(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte)).count(),
    }
}

fn string(data: &[u8]) -> usize {
    let mut at = 1;
    while at < data.len() && data[at] != b'"' {
        at += 1 + usize::from(data[at] == b'\\');
    }
    data.len().min(at + 1)
}

fn container(data: &[u8]) -> usize {
    let (mut at, mut depth) = (0, 0_usize);
    while at < data.len() {
        match data[at] {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth -= 1,
            b'"' => at += string(&data[at..]) - 1,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            break;
        }
    }
    at
}
