//! The data that goes to a dead letter topic: the job's own, and what became of it.

use serde_json::json;

use crate::clock::{Micros, SECOND};
use crate::job::{Failure, Record};
use crate::update::{OpKind, Segment, UpdateOp, apply};

/// An object of the payload's members, or of the payload under `data`, with `error`, `failedAt`, `attempts`, `topic`.
pub(super) fn letter(record: &Record, error: &Failure, now: Micros, topic: &str) -> Vec<u8> {
    let told = json!({
        "error": error.message,
        "failedAt": timestamp(now),
        "attempts": record.attempt,
        "topic": topic,
    });
    let told = told.to_string().into_bytes();
    let whole = merged(Some(&record.payload), &[], &told);
    let within = || merged(None, &[change(OpKind::Set, vec!["data"], &record.payload)], &told);
    // No JSON, or nested so deeply that it cannot be written again: its text.
    let text = || {
        let text = json!(String::from_utf8_lossy(&record.payload)).to_string();
        merged(None, &[change(OpKind::Set, vec!["data"], text.as_bytes())], &told)
    };
    whole.or_else(within).or_else(text).unwrap_or(told.clone())
}

fn merged(value: Option<&[u8]>, before: &[UpdateOp], told: &[u8]) -> Option<Vec<u8>> {
    let ops: Vec<_> = before.iter().cloned().chain([change(OpKind::Merge, Vec::new(), told)]).collect();
    apply(value, &ops).ok()
}

fn change(kind: OpKind, path: Vec<&str>, value: &[u8]) -> UpdateOp {
    let path = path.into_iter().map(|key| Segment::Key(key.to_owned())).collect();
    UpdateOp { kind, path, value: Some(value.into()) }
}

/// `2026-02-28T23:59:59.123Z`.
fn timestamp(at: Micros) -> String {
    let (days, second) = (at.div_euclid(86_400 * SECOND), at.div_euclid(SECOND).rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let (hour, minute, rest) = (second / 3_600, second / 60 % 60, second % 60);
    let millis = at.rem_euclid(SECOND) / 1_000;
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{rest:02}.{millis:03}Z")
}

/// The date that is so many days after 1970-01-01, in the Gregorian calendar. Years begin in March here, so that the
/// leap day is the last one; an era has 400 of them, and 146,097 days.
fn civil(days: i64) -> (i64, i64, i64) {
    let since = days + 719_468; // from 0000-03-01
    let (era, day_of_era) = (since.div_euclid(146_097), since.rem_euclid(146_097));
    let year = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (era * 400 + year + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::timestamp;
    use crate::clock::SECOND;

    #[test]
    fn times_are_written_as_dates() {
        let day = 86_400 * SECOND;
        for (at, expected) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (59 * day - 1, "1970-02-28T23:59:59.999Z"), // 31 + 28 days
            (11_016 * day, "2000-02-29T00:00:00.000Z"), // 30 years with 7 leap days, and 31 + 28 days
            (1_700_000_000 * SECOND + 123_456, "2023-11-14T22:13:20.123Z"),
            (47_541 * day, "2100-03-01T00:00:00.000Z"), // 2100 has no leap day
        ] {
            assert_eq!(timestamp(at), expected);
        }
    }
}
