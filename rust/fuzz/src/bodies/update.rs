//! Updates of a state value: refused, or what comes out is JSON.

use motia_core::condition::Condition;
use motia_core::update::{OpKind, Segment, UpdateOp, apply};

use crate::oracle::{self, Json};

pub(super) const WORDS: &[&str] = &[
    "{}",
    "[]",
    "{\"a\":1}",
    "{\"a\":{\"b\":[1]}}",
    "null",
    "true",
    "0",
    "-1",
    "1.5",
    "1e308",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551616",
    "\"a\"",
    "\"\\u0061\"",
    "\\ud800",
    "\n",
    "s[\"a\"]",
    "m[\"a\"]{\"b\":1}",
    "i[\"a\"]",
    "d[\"a\"]1",
    "a[\"a\",0]",
    "r[\"a\",\"b\"]",
    "s[]",
    "i[]",
    "[-1]",
    "[0]",
    "[\"0\"]",
    ",",
    ":",
    "[",
    "]",
];

/// The first line is the value, empty for none. Each further line is an operation: the first letter of its kind, a path,
/// and its value, if it has one.
pub(super) fn body(data: &[u8]) {
    let mut lines = data.split(|&byte| byte == b'\n');
    let value = lines.next().filter(|line| !line.is_empty());
    let Some(ops) = lines.map(operation).collect::<Option<Vec<_>>>() else {
        return;
    };
    if let Ok(updated) = apply(value, &ops) {
        assert!(is_json(&updated), "what comes out is JSON: {:?}", String::from_utf8_lossy(&updated));
        let again = apply(Some(&updated), &[]).expect("what came out can be read");
        assert_eq!(again, updated, "no operation changes nothing");
    }
}

fn is_json(bytes: &[u8]) -> bool {
    let exists = Condition::compile(br#"{"op":"exists","path":[]}"#).expect("it is a condition");
    exists.evaluate(bytes).is_ok()
}

fn operation(line: &[u8]) -> Option<UpdateOp> {
    let (kind, rest) = line.split_first()?;
    let kind = match kind {
        b's' => OpKind::Set,
        b'm' => OpKind::Merge,
        b'i' => OpKind::Increment,
        b'd' => OpKind::Decrement,
        b'a' => OpKind::Append,
        b'r' => OpKind::Remove,
        _ => return None,
    };
    let end = rest.iter().position(|&byte| byte == b']')? + 1;
    let (path, value) = rest.split_at(end);
    Some(UpdateOp { kind, path: segments(path)?, value: (!value.is_empty()).then(|| value.into()) })
}

fn segments(path: &[u8]) -> Option<Vec<Segment>> {
    let Json::Array(path) = oracle::read(path)? else {
        return None;
    };
    path.into_iter()
        .map(|part| match part {
            Json::Text(key) => Some(Segment::Key(key)),
            Json::Number(place) => place.parse().ok().map(Segment::Index),
            _ => None,
        })
        .collect()
}
