//! Numbers compared by value, exactly, whatever their size and whether they are integers or floats.

use std::borrow::Cow;
use std::cmp::Ordering;

/// 2 to the power of 63: floats below it, down to its negative, fit into 64 bits once they are whole.
const LIMIT: f64 = 9_223_372_036_854_775_808.0;

/// Digits of an integer: as many as Python converts.
pub(super) const MAX_DIGITS: usize = 4300;

/// A number of a payload or a condition.
#[derive(Clone, Debug)]
pub(crate) enum Number<'p> {
    Integer(i64),
    /// An integer beyond 64 bits: its digits, without leading zeros, behind a `-` if it is negative.
    Long(Cow<'p, str>),
    /// Never NaN or infinite.
    Float(f64),
}

/// A number in the one form that all equal numbers have.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Exact<'p> {
    Integer(i64),
    Long(Cow<'p, str>),
    /// The bits of a float that is not whole.
    Fraction(u64),
}

impl Number<'_> {
    pub(super) fn into_owned(self) -> Number<'static> {
        match self {
            Self::Integer(value) => Number::Integer(value),
            Self::Long(digits) => Number::Long(Cow::Owned(digits.into_owned())),
            Self::Float(value) => Number::Float(value),
        }
    }

    pub(super) fn exact(&self) -> Exact<'_> {
        match self {
            Self::Integer(value) => Exact::Integer(*value),
            Self::Long(digits) => Exact::Long(Cow::Borrowed(digits)),
            Self::Float(value) if value.fract() != 0.0 => Exact::Fraction(value.to_bits()),
            Self::Float(value) => whole(*value).map_or_else(|| Exact::Long(digits(*value).into()), Exact::Integer),
        }
    }

    pub(super) fn compare(&self, other: &Number<'_>) -> Ordering {
        use Number::{Float, Integer, Long};
        match (self, other) {
            (Integer(one), Integer(other)) => one.cmp(other),
            (Integer(one), Float(other)) => integer_to_float(*one, *other),
            (Float(one), Integer(other)) => integer_to_float(*other, *one).reverse(),
            (Float(one), Float(other)) => one.partial_cmp(other).expect("no number of JSON is NaN"),
            (Long(one), Long(other)) => long_to_long(one, other),
            (Long(one), Float(other)) => long_to_float(one, *other),
            (Float(one), Long(other)) => long_to_float(other, *one).reverse(),
            (Long(one), Integer(_)) => sign(one),
            (Integer(_), Long(other)) => sign(other).reverse(),
        }
    }
}

/// The integer of those ASCII digits, behind a sign or not; `None` for what is none, or has over 4,300 digits.
pub(super) fn integer(text: &str) -> Option<Number<'static>> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    if digits.is_empty() || digits.len() > MAX_DIGITS || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let significant = format!("{sign}{:0>1}", digits.trim_start_matches('0'));
    Some(significant.parse().map_or_else(|_| Number::Long(significant.into()), Number::Integer))
}

fn integer_to_float(one: i64, other: f64) -> Ordering {
    match whole(other) {
        Some(floor) => one.cmp(&floor).then_with(|| 0.0.partial_cmp(&other.fract()).unwrap_or(Ordering::Equal)),
        None if other > 0.0 => Ordering::Less,
        None => Ordering::Greater,
    }
}

fn long_to_float(one: &str, other: f64) -> Ordering {
    if whole(other).is_some() {
        return sign(one);
    }
    long_to_long(one, &digits(other))
}

fn long_to_long(one: &str, other: &str) -> Ordering {
    let by_size = |one: &str, other: &str| one.len().cmp(&other.len()).then_with(|| one.cmp(other));
    match (one.strip_prefix('-'), other.strip_prefix('-')) {
        (None, None) => by_size(one, other),
        (Some(one), Some(other)) => by_size(other, one),
        (None, Some(_)) => Ordering::Greater,
        (Some(_), None) => Ordering::Less,
    }
}

/// How an integer beyond 64 bits compares with any within.
fn sign(digits: &str) -> Ordering {
    if digits.starts_with('-') { Ordering::Less } else { Ordering::Greater }
}

/// The float without its fraction, if that fits into 64 bits.
fn whole(value: f64) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "cutting the fraction is what is wanted, and the rest fits")]
    (-LIMIT..LIMIT).contains(&value).then(|| value.trunc() as i64)
}

/// A float beyond 64 bits, which is whole, as its exact digits.
fn digits(value: f64) -> String {
    format!("{value:.0}")
}

/// The float next to a JSON number; infinite if it is beyond the range.
pub(super) fn float(text: &str) -> f64 {
    // Rust's parser stops counting at exponents of 65,536, which digits before or behind the point could make up for.
    if text.len() < 60_000 { parsed(text) } else { parsed(&with_small_exponent(text)) }
}

fn parsed(text: &str) -> f64 {
    text.parse().expect("a number of JSON is one of Rust")
}

/// The same number, or one that is as surely infinite or 0, written as `0.123e4`.
fn with_small_exponent(text: &str) -> String {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    let (before, behind) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{before}{behind}");
    let significant = digits.trim_start_matches('0');
    let zeros = digits.len() - significant.len();
    let point = difference(before.len(), zeros).saturating_add(saturated(exponent)).clamp(-9_999, 9_999);
    format!("{sign}0.{significant}e{point}")
}

fn difference(one: usize, other: usize) -> i64 {
    let signed = |length: usize| i64::try_from(length).unwrap_or(i64::MAX);
    signed(one) - signed(other)
}

fn saturated(exponent: &str) -> i64 {
    let bound = if exponent.starts_with('-') { i64::MIN } else { i64::MAX };
    exponent.parse().unwrap_or(bound)
}
