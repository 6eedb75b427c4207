//! JSON that no expression makes, and what the errors say of it.

use super::super::{Condition, MAX_DEPTH};

const WRONG: &[(&str, &str)] = &[
    ("not JSON", "a condition that is not JSON: expected a value: line 1 column 1 (char 0)"),
    ("", "a condition that is not JSON: unexpected end: line 1 column 1 (char 0)"),
    ("null", "null is not a condition: it has no known op"),
    ("[]", "[] is not a condition: it has no known op"),
    (r#""==""#, r#""==" is not a condition: it has no known op"#),
    ("{}", "{} is not a condition: it has no known op"),
    (r#"{"op":1}"#, "it has no known op"),
    (r#"{"op":[]}"#, "it has no known op"),
    (r#"{"op":"xor","of":[]}"#, "it has no known op"),
    (r#"{"op":"and"}"#, r#"{"op":"and"} is not a condition: it has no "of""#),
    (r#"{"op":"and","of":[]}"#, "it joins none"),
    (r#"{"op":"and","of":{}}"#, "what it joins is not an array"),
    (r#"{"op":"or","of":[1]}"#, "1 is not a condition: it has no known op"),
    (r#"{"op":"not","of":[]}"#, "[] is not a condition"),
    (r#"{"op":"=="}"#, r#"it has no "value""#),
    (r#"{"op":"==","path":["a"]}"#, r#"it has no "value""#),
    (r#"{"op":"==","value":1}"#, r#"it has no "len""#),
    (r#"{"op":"==","path":"a","value":1}"#, r#"its "path" is not a path of keys and places"#),
    (r#"{"op":"==","path":[null],"value":1}"#, r#"its "path" is not a path of keys and places"#),
    (r#"{"op":"==","path":[true],"value":1}"#, r#"its "path" is not a path of keys and places"#),
    (r#"{"op":"==","path":[-1],"value":1}"#, r#"its "path" is not a path of keys and places"#),
    (r#"{"op":"==","path":[1.0],"value":1}"#, r#"its "path" is not a path of keys and places"#),
    (r#"{"op":"==","path":["a"],"value":[]}"#, "an array is not a value that it compares with"),
    (r#"{"op":"==","path":["a"],"value":{}}"#, "an object that is no integer"),
    (r#"{"op":"==","path":["a"],"value":{"integer":"x"}}"#, "an object that is no integer"),
    (r#"{"op":"==","path":["a"],"value":{"integer":"-"}}"#, "an object that is no integer"),
    (r#"{"op":"==","path":["a"],"value":{"integer":null}}"#, "an object that is no integer"),
    (r#"{"op":"==","len":["a"],"value":null}"#, "a length is compared with integers"),
    (r#"{"op":"==","len":["a"],"value":true}"#, "a length is compared with integers"),
    (r#"{"op":"<","len":["a"],"value":1.0}"#, "a length is compared with integers"),
    (r#"{"op":"in","len":["a"],"values":[1,"a"]}"#, "a length is compared with integers"),
    (r#"{"op":"<","path":["a"],"value":null}"#, "it compares numbers and strings only"),
    (r#"{"op":"<","path":["a"],"value":true}"#, "it compares numbers and strings only"),
    (r#"{"op":"in","path":["a"],"values":1}"#, "its values are not an array"),
    (r#"{"op":"in","path":["a"],"values":[[]]}"#, "an array is not a value that it compares with"),
    (r#"{"op":"startswith","path":["a"],"value":1}"#, r#"its "value" is not a string"#),
    (r#"{"op":"matches","path":["a"],"pattern":1}"#, r#"its "pattern" is not a string"#),
    (r#"{"op":"matches","path":["a"],"pattern":"a"}"#, r#"it has no "regex""#),
    (r#"{"op":"matches","path":["a"],"pattern":"(","regex":"("}"#, "its regex cannot be compiled"),
    (r#"{"op":"any","of":{"op":"exists","path":[]}}"#, r#"it has no "path""#),
    (r#"{"op":"any","path":[]}"#, r#"it has no "of""#),
];

#[test]
fn what_is_no_condition_is_refused_and_the_error_says_why() {
    for (json, why) in WRONG {
        let error = Condition::compile(json.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(why), "{json}: {error}");
    }
}

#[test]
fn an_error_shows_no_more_than_the_beginning() {
    let json = format!(r#"{{"op":"{}"}}"#, "é".repeat(10_000));
    let error = Condition::compile(json.as_bytes()).unwrap_err().to_string();
    assert!(error.chars().count() < 250, "{error}");
}

fn nested(levels: usize) -> String {
    let (before, behind) = (r#"{"op":"not","of":"#.repeat(levels - 1), "}".repeat(levels - 1));
    format!(r#"{before}{{"op":"==","path":["a"],"value":1}}{behind}"#)
}

#[test]
fn the_deepest_condition_that_can_be_declared_can_be_evaluated() {
    let condition = Condition::compile(nested(MAX_DEPTH).as_bytes()).unwrap();
    assert_eq!(condition.evaluate(br#"{"a":1}"#).unwrap().matched, MAX_DEPTH % 2 == 1);
}

#[test]
fn a_deeper_condition_is_refused() {
    let error = Condition::compile(nested(MAX_DEPTH + 1).as_bytes()).unwrap_err();
    assert_eq!(error.to_string(), "a condition nests at most 32 deep");
}

#[test]
fn a_path_longer_than_any_payload_leads_nowhere() {
    let path = vec!["0"; 100_000].join(",");
    let condition = Condition::compile(format!(r#"{{"op":"exists","path":[{path}]}}"#).as_bytes()).unwrap();
    let payload = format!("{}{}", "[".repeat(1024), "]".repeat(1024));
    assert!(!condition.evaluate(payload.as_bytes()).unwrap().matched);
}

#[test]
fn the_largest_patterns_can_be_compiled() {
    let scattered: String = (0..480).filter_map(|n| char::from_u32(0x1_0000 + n * 0x7d3)).collect();
    for regex in [r"[^a]{1000}".to_owned(), ".{1000}".to_owned(), format!("[{scattered}]{{1000}}")] {
        let json = format!(r#"{{"op":"matches","path":[],"pattern":"","regex":"{regex}"}}"#);
        Condition::compile(json.replace('\\', r"\\").as_bytes()).unwrap();
    }
}
