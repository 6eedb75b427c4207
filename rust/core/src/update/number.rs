//! Numbers: integers of any size, exactly, and floats of 64 bits.

use std::borrow::Cow;
use std::cmp::Ordering;

/// An integer is its shortest text, such as `-12`; zero has no sign.
#[derive(Clone, Debug)]
pub(super) enum Number<'a> {
    Int(Cow<'a, str>),
    Float(f64),
}

impl From<i64> for Number<'_> {
    fn from(value: i64) -> Self {
        Self::Int(Cow::Owned(value.to_string()))
    }
}

impl<'a> Number<'a> {
    pub(super) fn negated(self) -> Self {
        match self {
            Self::Float(value) => Self::Float(-value),
            Self::Int(text) if text == "0" => Self::Int(text),
            Self::Int(text) => Self::Int(match text.strip_prefix('-') {
                Some(digits) => Cow::Owned(digits.to_owned()),
                None => Cow::Owned(format!("-{text}")),
            }),
        }
    }

    /// The sum, a float where either is; it may be infinite. Refuses an integer beyond a float's range beside a float.
    pub(super) fn plus(&self, other: &Self) -> Result<Number<'a>, String> {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => Ok(Self::Int(Cow::Owned(sum(a, b)))),
            _ => Ok(Self::Float(self.float()? + other.float()?)),
        }
    }

    fn float(&self) -> Result<f64, String> {
        match self {
            Self::Float(value) => Ok(*value),
            Self::Int(text) => {
                let nearest = text.parse().ok().filter(|value: &f64| value.is_finite());
                nearest.ok_or_else(|| format!("an integer of {} digits is beyond the range of a float", digits(text)))
            }
        }
    }
}

/// Digits of an integer.
pub(super) fn digits(text: &str) -> usize {
    text.trim_start_matches('-').len()
}

fn sum(a: &str, b: &str) -> String {
    if let (Ok(a), Ok(b)) = (a.parse::<i64>(), b.parse::<i64>())
        && let Some(sum) = a.checked_add(b)
    {
        return sum.to_string();
    }
    match (a.strip_prefix('-'), b.strip_prefix('-')) {
        (None, None) => added(a, b),
        (Some(a), Some(b)) => format!("-{}", added(a, b)),
        (Some(a), None) => difference(b, a),
        (None, Some(b)) => difference(a, b),
    }
}

/// `a + b` of digits without a sign.
fn added(a: &str, b: &str) -> String {
    let mut carry = 0;
    let mut reversed = Vec::with_capacity(a.len().max(b.len()) + 1);
    for place in 0..a.len().max(b.len()) {
        let total = digit(a, place) + digit(b, place) + carry;
        reversed.push(total % 10);
        carry = total / 10;
    }
    reversed.push(carry);
    shortest(reversed)
}

/// `a - b` of digits without a sign.
fn difference(a: &str, b: &str) -> String {
    match a.len().cmp(&b.len()).then_with(|| a.cmp(b)) {
        Ordering::Less => format!("-{}", subtracted(b, a)),
        Ordering::Equal => "0".to_owned(),
        Ordering::Greater => subtracted(a, b),
    }
}

/// `larger - smaller` of digits without a sign.
fn subtracted(larger: &str, smaller: &str) -> String {
    let mut borrowed = 0;
    let mut reversed = Vec::with_capacity(larger.len());
    for place in 0..larger.len() {
        let left = 10 + digit(larger, place) - digit(smaller, place) - borrowed;
        reversed.push(left % 10);
        borrowed = u8::from(left < 10);
    }
    shortest(reversed)
}

/// The digit at a place counted from the end, 0 beyond the first.
fn digit(digits: &str, place: usize) -> u8 {
    digits.len().checked_sub(place + 1).map_or(0, |index| digits.as_bytes()[index] - b'0')
}

/// The text of digits that begin with the last, without leading zeros.
fn shortest(mut reversed: Vec<u8>) -> String {
    while reversed.len() > 1 && reversed.last() == Some(&0) {
        reversed.pop();
    }
    reversed.iter().rev().map(|digit| char::from(b'0' + digit)).collect()
}
