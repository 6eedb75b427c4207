//! Numbers as decimals, digit by digit.

use std::cmp::Ordering;

/// Digits of the fraction that tell any two floats apart.
const FRACTION: usize = 1100;

/// How two JSON numbers compare. What has a point or an exponent is the float next to it.
pub(super) fn compare(one: &str, other: &str) -> Ordering {
    let ((minus, one), (other_minus, other)) = (decimal(one), decimal(other));
    match (minus, other_minus) {
        (false, false) => by_size(&one, &other),
        (true, true) => by_size(&other, &one),
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
    }
}

fn by_size(one: &str, other: &str) -> Ordering {
    one.len().cmp(&other.len()).then_with(|| one.cmp(other))
}

/// Whether it is below 0, and the digits of its size times 10 to the power of `FRACTION`, without leading zeros.
fn decimal(text: &str) -> (bool, String) {
    let plain = if text.contains(['.', 'e', 'E']) {
        format!("{:.FRACTION$}", text.parse::<f64>().expect("it was read as a number")).replace('.', "")
    } else {
        format!("{text}{}", "0".repeat(FRACTION))
    };
    let digits = plain.trim_start_matches('-').trim_start_matches('0');
    (plain.starts_with('-') && !digits.is_empty(), digits.to_owned())
}
