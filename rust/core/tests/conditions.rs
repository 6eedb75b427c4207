//! Random conditions on random payloads: what routing finds by index and in one pass is what each condition says by
//! itself, and no bytes make anything panic.

use motia_core::condition::{Condition, NotJson};
use motia_core::route::{Entry, RouteError, Routes};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// Few, so that conditions and payloads meet.
const PATHS: &[&str] = &["[]", r#"["a"]"#, r#"["a"]"#, r#"["b"]"#, r#"["a","b"]"#, r#"["a",0]"#, r#"[0,"a"]"#];
const KEYS: &[&str] = &[r#""a""#, r#""\u0061""#, r#""b""#, r#""""#];
const TEXTS: &[&str] = &[r#""""#, r#""a""#, r#""\u0061b""#, r#""é""#, r#""\ud83d\ude00""#];
const NUMBERS: &[&str] = &[
    "0",
    "-0.0",
    "1",
    "1.0",
    "10e-1",
    "0.5",
    "9007199254740992",
    "9007199254740993",
    "9007199254740992.0",
    "9223372036854775807",
    "9223372036854775808",
    "9223372036854775808.0",
    "-9223372036854775809",
    "18446744073709551616",
    "10000000000000000000000",
    "1e22",
    "99999999999999991611392",
    "1e23",
];

fn text() -> impl Strategy<Value = String> {
    select(TEXTS).prop_map(Into::into)
}

fn ordered() -> impl Strategy<Value = String> {
    prop_oneof![text(), select(NUMBERS).prop_map(Into::into)]
}

fn scalar() -> impl Strategy<Value = String> {
    prop_oneof![3 => ordered(), 1 => select(&["null", "true", "false"][..]).prop_map(Into::into)]
}

fn comparison() -> impl Strategy<Value = String> {
    let path = || select(PATHS);
    let on = |(op, path, value): (&str, &str, String)| format!(r#"{{"op":"{op}","path":{path},"value":{value}}}"#);
    prop_oneof![
        5 => (Just("=="), path(), scalar()).prop_map(on),
        2 => (select(&["!=", "contains"][..]), path(), scalar()).prop_map(on),
        2 => (select(&["<", "<=", ">", ">="][..]), path(), ordered()).prop_map(on),
        1 => (select(&["startswith", "endswith"][..]), path(), text()).prop_map(on),
        3 => (path(), vec(scalar(), 0..12)).prop_map(|(path, values)| {
            format!(r#"{{"op":"in","path":{path},"values":[{}]}}"#, values.join(","))
        }),
        1 => (select(&["exists", "is_null"][..]), path()).prop_map(|(op, path)| {
            format!(r#"{{"op":"{op}","path":{path}}}"#)
        }),
        1 => (select(&["==", ">"][..]), path(), 0..3).prop_map(|(op, path, length)| {
            format!(r#"{{"op":"{op}","len":{path},"value":{length}}}"#)
        }),
        1 => path().prop_map(|path| format!(r#"{{"op":"matches","path":{path},"pattern":"^a","regex":"\\Aa"}}"#)),
    ]
}

fn condition() -> impl Strategy<Value = String> {
    comparison().prop_recursive(4, 12, 3, |inner| {
        prop_oneof![
            3 => (select(&["and", "or"][..]), vec(inner.clone(), 1..4)).prop_map(|(op, parts)| {
                format!(r#"{{"op":"{op}","of":[{}]}}"#, parts.join(","))
            }),
            1 => inner.clone().prop_map(|part| format!(r#"{{"op":"not","of":{part}}}"#)),
            1 => (select(&["any", "all"][..]), select(PATHS), inner).prop_map(|(op, path, part)| {
                format!(r#"{{"op":"{op}","path":{path},"of":{part}}}"#)
            }),
        ]
    })
}

fn payload() -> impl Strategy<Value = String> {
    scalar().prop_recursive(4, 16, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(" ,"))),
            vec((select(KEYS), inner), 0..4).prop_map(|entries| {
                let entries: Vec<_> = entries.iter().map(|(key, value)| format!("{key}: {value}")).collect();
                format!("{{{}}}", entries.join(","))
            }),
        ]
    })
}

/// The places of the conditions that hold, and all mismatches.
fn one_by_one(conditions: &[String], payload: &[u8]) -> Result<(Vec<usize>, u64), NotJson> {
    let (mut places, mut mismatches) = (Vec::new(), 0);
    for (place, condition) in conditions.iter().enumerate() {
        let verdict = Condition::compile(condition.as_bytes()).expect("it is a condition").evaluate(payload)?;
        places.extend(verdict.matched.then_some(place));
        mismatches += verdict.mismatches;
    }
    Ok((places, mismatches))
}

fn together(conditions: &[String], payload: &[u8]) -> Result<(Vec<usize>, u64), RouteError> {
    let entries = conditions.iter().enumerate().map(|(target, condition)| Entry {
        id: "step/topic",
        topic: "topic",
        condition: Some(condition.as_bytes()),
        target,
    });
    let routed = Routes::new(entries).expect("they are conditions").route("topic", None, payload)?;
    Ok((routed.targets, routed.mismatches))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn a_topic_routes_as_each_condition_says(conditions in vec(condition(), 1..12), payload in payload()) {
        let expected = one_by_one(&conditions, payload.as_bytes()).unwrap();
        prop_assert_eq!(together(&conditions, payload.as_bytes()).unwrap(), expected);
    }

    #[test]
    fn no_payload_makes_it_panic(
        conditions in vec(condition(), 1..4),
        payload in payload(),
        at in any::<prop::sample::Index>(),
        bytes in vec(select(&b"\"\\u{}[]:,-+.eE09d8\0\n\xff\xc3\xa9 ntf"[..]), 0..4),
        cut in 0_usize..3,
    ) {
        let mut payload = payload.into_bytes();
        let at = at.index(payload.len() + 1);
        let end = payload.len().min(at + cut);
        payload.splice(at..end, bytes);
        let expected = one_by_one(&conditions, &payload).map_err(RouteError::NotJson);
        prop_assert_eq!(together(&conditions, &payload), expected);
    }

    #[test]
    fn no_condition_makes_it_panic(condition in condition(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut json = condition.into_bytes();
        let at = at.index(json.len());
        json[at] = byte;
        if let Ok(condition) = Condition::compile(&json) {
            prop_assert_eq!(condition.evaluate(br#"{"a":[{"b":1}]}"#).err(), None);
        }
    }
}
