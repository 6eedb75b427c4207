//! A condition on a payload: the verdict is the oracle's, by itself and by a route table.

use motia_core::condition::{Condition, NotJson, Verdict};
use motia_core::route::{Entry, RouteError, Routes};
use serde_json::Value;

use crate::oracle::{self, Json};

/// Of payloads and conditions.
pub(super) const WORDS: &[&str] = &[
    "{}",
    "[]",
    "[[1]]",
    "{\"a\":",
    "\"a\":",
    "\"b\":",
    "[1,",
    ",",
    ":",
    "}",
    "]",
    "null",
    "true",
    "false",
    "0",
    "-0",
    "-0.0",
    "1",
    "1.0",
    "1e0",
    "0.5",
    "2.5",
    "9007199254740992",
    "9007199254740993",
    "9007199254740992.0",
    "9223372036854775807",
    "9223372036854775808",
    "9223372036854775808.0",
    "-9223372036854775808",
    "-9223372036854775809",
    "18446744073709551615",
    "18446744073709551616",
    "1e22",
    "10000000000000000000000",
    "1e23",
    "99999999999999991611392",
    "1e308",
    "1e309",
    "1e-400",
    "5e-324",
    "1.7976931348623158e308",
    "1.7976931348623159e308",
    "{\"integer\":\"9223372036854775808\"}",
    "\"\"",
    "\"a\"",
    "\"\\u0061\"",
    "\"ab\"",
    "\"é\"",
    "\"\\u00e9\"",
    "\"\\ud83d\\ude00\"",
    "\\ud800",
    "\\udc00",
    "\\u0000",
    "\\n",
    "\\\"",
    "\\",
    "\"",
    "\u{1f600}",
    "\u{ffff}",
    " ",
    "\n",
    "\t",
    "\u{1f}",
    "\u{7f}",
    "\u{feff}",
    "\"op\":\"==\"",
    "\"op\":\"!=\"",
    "\"op\":\"<\"",
    "\"op\":\"<=\"",
    "\"op\":\">\"",
    "\"op\":\">=\"",
    "\"op\":\"in\"",
    "\"op\":\"contains\"",
    "\"op\":\"startswith\"",
    "\"op\":\"endswith\"",
    "\"op\":\"exists\"",
    "\"op\":\"is_null\"",
    "\"op\":\"any\"",
    "\"op\":\"all\"",
    "\"op\":\"and\"",
    "\"op\":\"or\"",
    "\"op\":\"not\"",
    "\"path\":[]",
    "\"path\":[\"a\"]",
    "\"path\":[\"a\",0]",
    "\"path\":[\"a\",\"b\"]",
    "\"len\":[\"a\"]",
    "\"value\":",
    "\"values\":[",
    "\"of\":",
];

/// Equality on a place that others look at too, so that the index and what is beside it meet.
const BESIDE: &[u8] = br#"{"op":"==","path":["a"],"value":1}"#;

/// The first line is a condition, the rest a payload.
pub(super) fn body(data: &[u8]) {
    let end = data.iter().position(|&byte| byte == b'\n').unwrap_or(data.len());
    let (json, payload) = (&data[..end], data.get(end + 1..).unwrap_or_default());
    let document = oracle::read(payload);
    same_as_serde(payload, document.is_some());
    let Some(condition) = oracle::read(json).filter(oracle::is_modest) else {
        return;
    };
    let Ok(compiled) = Condition::compile(json) else {
        return;
    };
    let verdict = compiled.evaluate(payload);
    assert_eq!(verdict.as_ref().ok(), expected(&condition, document.as_ref()).as_ref(), "the verdict");
    routed(json, payload, &verdict);
}

fn expected(condition: &Json, document: Option<&Json>) -> Option<Verdict> {
    document.map(|document| {
        let mut mismatches = 0;
        let matched = oracle::holds(condition, document, &mut mismatches);
        Verdict { matched, mismatches }
    })
}

/// What is JSON is so for another reader, but for what it bounds otherwise: levels, long numbers, and large ones, because
/// it takes the largest float for infinite.
fn same_as_serde(payload: &[u8], is_json: bool) {
    let brackets = payload.iter().filter(|byte| matches!(byte, b'[' | b'{')).count();
    let digits = payload.split(|byte| !byte.is_ascii_digit()).map(<[u8]>::len).max();
    if brackets < 128 && digits.unwrap_or(0) < 100 && !has_large_exponent(payload) {
        assert_eq!(serde_json::from_slice::<Value>(payload).is_ok(), is_json, "whether it is JSON");
    }
}

fn has_large_exponent(payload: &[u8]) -> bool {
    let three_digits = |part: &[u8]| part.len() >= 3 && part[..3].iter().all(u8::is_ascii_digit);
    let exponents = payload.split(|byte| matches!(byte, b'e' | b'E')).skip(1);
    exponents.into_iter().any(|part| three_digits(part.strip_prefix(b"+").unwrap_or(part)))
}

/// The condition twice, one beside it, and one subscription without, are routed to as each condition says.
fn routed(json: &[u8], payload: &[u8], verdict: &Result<Verdict, NotJson>) {
    let conditions = [Some(json), Some(BESIDE), None, Some(json)];
    let entries = conditions.into_iter().enumerate().map(|(target, condition)| Entry {
        id: "step/topic",
        topic: "topic",
        condition,
        target,
    });
    let table = Routes::new(entries).expect("they are conditions");
    let beside = Condition::compile(BESIDE).expect("it is a condition").evaluate(payload);
    match (table.route("topic", None, payload), verdict, beside) {
        (Ok(routed), Ok(verdict), Ok(beside)) => {
            let matched = [verdict.matched, beside.matched, true, verdict.matched];
            let targets: Vec<_> = (0..4).filter(|&target| matched[target]).collect();
            assert_eq!(routed.targets, targets, "the targets");
            assert_eq!(routed.mismatches, 2 * verdict.mismatches + beside.mismatches, "the mismatches");
        }
        (Err(RouteError::NotJson(one)), Err(other), Err(_)) => assert_eq!(&one, other, "why it is no JSON"),
        other => panic!("the table and the conditions differ: {other:?}"),
    }
}
