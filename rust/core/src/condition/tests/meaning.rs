//! What conditions mean: the decided cases of `tests/unit/engine/pure/test_condition.py`.

use super::super::{Condition, Verdict};

const YES: Verdict = verdict(true, 0);
const NO: Verdict = verdict(false, 0);
const MISMATCH: Verdict = verdict(false, 1);

const fn verdict(matched: bool, mismatches: u64) -> Verdict {
    Verdict { matched, mismatches }
}

fn check(rows: &[(&str, &str, Verdict)]) {
    for (condition, payload, expected) in rows {
        let compiled = Condition::compile(condition.as_bytes()).unwrap();
        let found = compiled.evaluate(payload.as_bytes()).unwrap();
        assert_eq!(found, *expected, "{condition} on {payload}");
    }
}

#[test]
fn equality() {
    check(&[
        (r#"{"op":"==","path":["a"],"value":1}"#, r#"{"a":1}"#, YES),
        (r#"{"op":"==","path":["a"],"value":1}"#, r#"{"a":2}"#, NO),
        (r#"{"op":"==","path":["a"],"value":1}"#, r#"{"a":1.0}"#, YES),
        (r#"{"op":"==","path":["a"],"value":"x"}"#, r#"{"a":"x"}"#, YES),
        (r#"{"op":"==","path":["a"],"value":"x"}"#, r#"{"a":"X"}"#, NO),
        (r#"{"op":"==","path":["a"],"value":true}"#, r#"{"a":true}"#, YES),
        (r#"{"op":"!=","path":["a"],"value":1}"#, r#"{"a":2}"#, YES),
        (r#"{"op":"!=","path":["a"],"value":1}"#, r#"{"a":1.0}"#, NO),
        (r#"{"op":"==","path":[],"value":"x"}"#, r#""x""#, YES),
        (r#"{"op":"==","path":[],"value":1}"#, "1", YES),
    ]);
}

#[test]
fn missing() {
    check(&[
        (r#"{"op":"==","path":["a"],"value":1}"#, "{}", NO),
        (r#"{"op":"!=","path":["a"],"value":1}"#, "{}", NO),
        (r#"{"op":">","path":["a"],"value":1}"#, "{}", NO),
        (r#"{"op":"==","path":["a"],"value":null}"#, "{}", NO),
        (r#"{"op":"!=","path":["a"],"value":null}"#, "{}", NO),
        (r#"{"op":"in","path":["a"],"values":[1]}"#, "{}", NO),
        (r#"{"op":"in","path":["a"],"values":[null]}"#, "{}", NO),
        (r#"{"op":"contains","path":["a"],"value":1}"#, "{}", NO),
        (r#"{"op":"==","len":["a"],"value":0}"#, "{}", NO),
        (r#"{"op":"!=","len":["a"],"value":0}"#, "{}", NO),
        (r#"{"op":"any","path":["a"],"of":{"op":"==","path":[],"value":1}}"#, "{}", NO),
        (r#"{"op":"all","path":["a"],"of":{"op":"==","path":[],"value":1}}"#, "{}", NO),
        (r#"{"op":"==","path":["a","b"],"value":1}"#, r#"{"a":1}"#, NO),
        (r#"{"op":"==","path":["a",0],"value":1}"#, r#"{"a":{"0":1}}"#, NO),
        (r#"{"op":"==","path":["a","0"],"value":1}"#, r#"{"a":[1]}"#, NO),
        (r#"{"op":"==","path":["a",1],"value":1}"#, r#"{"a":[1]}"#, NO),
        (r#"{"op":"==","path":["a",0],"value":"x"}"#, r#"{"a":"xyz"}"#, NO),
        (r#"{"op":"==","path":["a"],"value":1}"#, "[]", NO),
    ]);
}

#[test]
fn null() {
    check(&[
        (r#"{"op":"==","path":["a"],"value":1}"#, r#"{"a":null}"#, NO),
        (r#"{"op":"!=","path":["a"],"value":1}"#, r#"{"a":null}"#, NO),
        (r#"{"op":"<","path":["a"],"value":1}"#, r#"{"a":null}"#, NO),
        (r#"{"op":"==","len":["a"],"value":0}"#, r#"{"a":null}"#, NO),
        (r#"{"op":"contains","path":["a"],"value":"x"}"#, r#"{"a":null}"#, NO),
        (r#"{"op":"any","path":["a"],"of":{"op":"==","path":[],"value":1}}"#, r#"{"a":null}"#, NO),
        (r#"{"op":"==","path":["a"],"value":null}"#, r#"{"a":null}"#, YES),
        (r#"{"op":"!=","path":["a"],"value":null}"#, r#"{"a":null}"#, NO),
        (r#"{"op":"==","path":["a"],"value":null}"#, r#"{"a":0}"#, NO),
        (r#"{"op":"!=","path":["a"],"value":null}"#, r#"{"a":[]}"#, YES),
        (r#"{"op":"in","path":["a"],"values":[1,null]}"#, r#"{"a":null}"#, YES),
        (r#"{"op":"in","path":["a"],"values":[1]}"#, r#"{"a":null}"#, NO),
        (r#"{"op":"contains","path":["a"],"value":null}"#, r#"{"a":[null]}"#, YES),
    ]);
}

#[test]
fn another_type() {
    check(&[
        (r#"{"op":"==","path":["a"],"value":1}"#, r#"{"a":"1"}"#, MISMATCH),
        (r#"{"op":"!=","path":["a"],"value":1}"#, r#"{"a":"1"}"#, MISMATCH),
        (r#"{"op":"==","path":["a"],"value":"1"}"#, r#"{"a":1}"#, MISMATCH),
        (r#"{"op":"!=","path":["a"],"value":"1"}"#, r#"{"a":[]}"#, MISMATCH),
        (r#"{"op":">","path":["a"],"value":1}"#, r#"{"a":"2"}"#, MISMATCH),
        (r#"{"op":">","path":["a"],"value":"1"}"#, r#"{"a":2}"#, MISMATCH),
        (r#"{"op":">","path":["a"],"value":1}"#, r#"{"a":{}}"#, MISMATCH),
        (r#"{"op":"startswith","path":["a"],"value":"x"}"#, r#"{"a":1}"#, MISMATCH),
        (r#"{"op":"endswith","path":["a"],"value":"x"}"#, r#"{"a":["x"]}"#, MISMATCH),
        (r#"{"op":"matches","path":["a"],"pattern":"x","regex":"x"}"#, r#"{"a":true}"#, MISMATCH),
        (r#"{"op":"contains","path":["a"],"value":"x"}"#, r#"{"a":1}"#, MISMATCH),
        (r#"{"op":"contains","path":["a"],"value":"x"}"#, r#"{"a":{"x":1}}"#, MISMATCH),
        (r#"{"op":"contains","path":["a"],"value":1}"#, r#"{"a":"1"}"#, MISMATCH),
        (r#"{"op":"in","path":["a"],"values":[1,2]}"#, r#"{"a":"1"}"#, MISMATCH),
        (r#"{"op":"in","path":["a"],"values":[1,null]}"#, r#"{"a":"1"}"#, MISMATCH),
        (r#"{"op":"==","len":["a"],"value":1}"#, r#"{"a":1}"#, MISMATCH),
        (r#"{"op":"!=","len":["a"],"value":1}"#, r#"{"a":true}"#, MISMATCH),
        (r#"{"op":"any","path":["a"],"of":{"op":"==","path":[],"value":1}}"#, r#"{"a":{}}"#, MISMATCH),
        (r#"{"op":"all","path":["a"],"of":{"op":"==","path":[],"value":1}}"#, r#"{"a":"x"}"#, MISMATCH),
    ]);
}

#[test]
fn a_bool_is_no_number() {
    check(&[
        (r#"{"op":"==","path":["a"],"value":1}"#, r#"{"a":true}"#, MISMATCH),
        (r#"{"op":"==","path":["a"],"value":true}"#, r#"{"a":1}"#, MISMATCH),
        (r#"{"op":">=","path":["a"],"value":0}"#, r#"{"a":false}"#, MISMATCH),
        (r#"{"op":"in","path":["a"],"values":[1,0]}"#, r#"{"a":true}"#, MISMATCH),
        (r#"{"op":"in","path":["a"],"values":[true]}"#, r#"{"a":1}"#, MISMATCH),
        (r#"{"op":"in","path":["a"],"values":[1,false]}"#, r#"{"a":true}"#, NO),
        (r#"{"op":"contains","path":["a"],"value":1}"#, r#"{"a":[true]}"#, NO),
        (r#"{"op":"contains","path":["a"],"value":false}"#, r#"{"a":[0]}"#, NO),
        (r#"{"op":"contains","path":["a"],"value":false}"#, r#"{"a":[0, false]}"#, YES),
    ]);
}

#[test]
fn order() {
    check(&[
        (r#"{"op":"<","path":["a"],"value":2}"#, r#"{"a":1}"#, YES),
        (r#"{"op":"<","path":["a"],"value":2}"#, r#"{"a":2}"#, NO),
        (r#"{"op":"<=","path":["a"],"value":2}"#, r#"{"a":2.0}"#, YES),
        (r#"{"op":">","path":["a"],"value":1.5}"#, r#"{"a":2}"#, YES),
        (r#"{"op":">=","path":["a"],"value":2}"#, r#"{"a":1.9}"#, NO),
        (r#"{"op":"<","path":["a"],"value":0}"#, r#"{"a":-0.0}"#, NO),
        (r#"{"op":"<","path":["a"],"value":"b"}"#, r#"{"a":"a"}"#, YES),
        (r#"{"op":"<","path":["a"],"value":"b"}"#, r#"{"a":"B"}"#, YES),
        (r#"{"op":"<","path":["a"],"value":"b"}"#, r#"{"a":"ab"}"#, YES),
        (r#"{"op":">","path":["a"],"value":"￿"}"#, r#"{"a":"😀"}"#, YES),
        (r#"{"op":">","path":["a"],"value":"z"}"#, r#"{"a":"é"}"#, YES),
    ]);
}

#[test]
fn numbers_are_exact() {
    check(&[
        (r#"{"op":"==","path":["a"],"value":9007199254740992.0}"#, r#"{"a":9007199254740993}"#, NO),
        (r#"{"op":">","path":["a"],"value":9007199254740992.0}"#, r#"{"a":9007199254740993}"#, YES),
        (r#"{"op":"==","path":["a"],"value":9007199254740993}"#, r#"{"a":9007199254740992.0}"#, NO),
        (
            r#"{"op":"==","path":["a"],"value":{"integer":"18446744073709551616"}}"#,
            r#"{"a":18446744073709551616}"#,
            YES,
        ),
        (r#"{"op":"==","path":["a"],"value":{"integer":"18446744073709551616"}}"#, r#"{"a":18446744073709551617}"#, NO),
        (r#"{"op":"<","path":["a"],"value":{"integer":"18446744073709551617"}}"#, r#"{"a":18446744073709551616}"#, YES),
        (r#"{"op":"==","path":["a"],"value":1.8446744073709552e+19}"#, r#"{"a":18446744073709551616}"#, YES),
        (r#"{"op":"==","path":["a"],"value":1.8446744073709552e+19}"#, r#"{"a":18446744073709551617}"#, NO),
        (r#"{"op":">","path":["a"],"value":1e+308}"#, &format!("{{\"a\":1{:0400}}}", 0), YES),
        (
            r#"{"op":"==","path":["a"],"value":{"integer":"-9223372036854775809"}}"#,
            r#"{"a":-9223372036854775809}"#,
            YES,
        ),
        (
            r#"{"op":"in","path":["a"],"values":[{"integer":"18446744073709551616"}]}"#,
            r#"{"a":18446744073709551616}"#,
            YES,
        ),
        (
            r#"{"op":"contains","path":["a"],"value":{"integer":"18446744073709551616"}}"#,
            r#"{"a":[18446744073709551616]}"#,
            YES,
        ),
        (r#"{"op":"==","path":["a"],"value":0.1}"#, r#"{"a":0.1}"#, YES),
        (r#"{"op":"==","path":["a"],"value":1}"#, r#"{"a":1e0}"#, YES),
    ]);
}

#[test]
fn one_of() {
    check(&[
        (r#"{"op":"in","path":["a"],"values":["x","y"]}"#, r#"{"a":"y"}"#, YES),
        (r#"{"op":"in","path":["a"],"values":["x","y"]}"#, r#"{"a":"z"}"#, NO),
        (r#"{"op":"in","path":["a"],"values":["x",1]}"#, r#"{"a":1.0}"#, YES),
        (r#"{"op":"in","path":["a"],"values":["x",1]}"#, r#"{"a":2}"#, NO),
        (r#"{"op":"in","path":["a"],"values":[]}"#, r#"{"a":1}"#, NO),
        (r#"{"op":"in","path":["a"],"values":[null]}"#, r#"{"a":1}"#, NO),
    ]);
}

#[test]
fn contains() {
    check(&[
        (r#"{"op":"contains","path":["a"],"value":"ell"}"#, r#"{"a":"hello"}"#, YES),
        (r#"{"op":"contains","path":["a"],"value":"elo"}"#, r#"{"a":"hello"}"#, NO),
        (r#"{"op":"contains","path":["a"],"value":""}"#, r#"{"a":""}"#, YES),
        (r#"{"op":"contains","path":["a"],"value":"x"}"#, r#"{"a":["y","x"]}"#, YES),
        (r#"{"op":"contains","path":["a"],"value":"x"}"#, r#"{"a":["xy"]}"#, NO),
        (r#"{"op":"contains","path":["a"],"value":1}"#, r#"{"a":["1",[1],1.0]}"#, YES),
        (r#"{"op":"contains","path":["a"],"value":1}"#, r#"{"a":["1",[1],{"1":1}]}"#, NO),
        (r#"{"op":"contains","path":["a"],"value":"x"}"#, r#"{"a":[]}"#, NO),
    ]);
}

#[test]
fn strings() {
    check(&[
        (r#"{"op":"startswith","path":["a"],"value":"ab"}"#, r#"{"a":"abc"}"#, YES),
        (r#"{"op":"startswith","path":["a"],"value":"b"}"#, r#"{"a":"abc"}"#, NO),
        (r#"{"op":"endswith","path":["a"],"value":"bc"}"#, r#"{"a":"abc"}"#, YES),
        (r#"{"op":"endswith","path":["a"],"value":""}"#, r#"{"a":"abc"}"#, YES),
        (r#"{"op":"startswith","path":["a"],"value":"é"}"#, "{\"a\":\"e\u{301}\"}", NO),
        (r#"{"op":"matches","path":["a"],"pattern":"b","regex":"b"}"#, r#"{"a":"abc"}"#, YES),
        (r#"{"op":"matches","path":["a"],"pattern":"^b","regex":"\\Ab"}"#, r#"{"a":"abc"}"#, NO),
        (r#"{"op":"matches","path":["a"],"pattern":"c$","regex":"c\\z"}"#, r#"{"a":"abc\n"}"#, NO),
        (
            r#"{"op":"matches","path":["a"],"pattern":"^[\\w.]+@\\w+\\.\\w{2,}$","regex":"\\A[\\.0-9A-Z_a-z]+@[0-9A-Z_a-z]+\\.[0-9A-Z_a-z]{2,}\\z"}"#,
            r#"{"a":"ada.l@example.org"}"#,
            YES,
        ),
        (r#"{"op":"matches","path":["a"],"pattern":"^\\d+$","regex":"\\A[0-9]+\\z"}"#, r#"{"a":"٣"}"#, NO),
    ]);
}

#[test]
fn exists_and_is_null() {
    check(&[
        (r#"{"op":"exists","path":["a"]}"#, r#"{"a":null}"#, YES),
        (r#"{"op":"exists","path":["a"]}"#, "{}", NO),
        (r#"{"op":"exists","path":[]}"#, "null", YES),
        (r#"{"op":"is_null","path":["a"]}"#, r#"{"a":null}"#, YES),
        (r#"{"op":"is_null","path":["a"]}"#, r#"{"a":0}"#, NO),
        (r#"{"op":"is_null","path":["a"]}"#, "{}", NO),
    ]);
}

#[test]
fn len() {
    check(&[
        (r#"{"op":"==","len":["a"],"value":2}"#, r#"{"a":[1,[2]]}"#, YES),
        (r#"{"op":"==","len":["a"],"value":2}"#, r#"{"a":{"x":1,"y":2}}"#, YES),
        (r#"{"op":"==","len":["a"],"value":2}"#, r#"{"a":"é😀"}"#, YES),
        (r#"{"op":">","len":["a"],"value":0}"#, r#"{"a":""}"#, NO),
        (r#"{"op":"in","len":["a"],"values":[1,2]}"#, r#"{"a":[0]}"#, YES),
        (r#"{"op":"==","len":[],"value":1}"#, r#"{"a":1}"#, YES),
        (r#"{"op":"==","len":["a"],"value":1}"#, r#"{"a":{"x":1,"x":2}}"#, YES),
    ]);
}

#[test]
fn any_and_all() {
    check(&[
        (r#"{"op":"any","path":["a"],"of":{"op":">","path":["p"],"value":10}}"#, r#"{"a":[{"p":1},{"p":11}]}"#, YES),
        (r#"{"op":"any","path":["a"],"of":{"op":">","path":["p"],"value":10}}"#, r#"{"a":[{"p":1},{}]}"#, NO),
        (r#"{"op":"all","path":["a"],"of":{"op":">","path":["p"],"value":10}}"#, r#"{"a":[{"p":12},{"p":11}]}"#, YES),
        (r#"{"op":"all","path":["a"],"of":{"op":">","path":["p"],"value":10}}"#, r#"{"a":[{"p":12},{}]}"#, NO),
        (r#"{"op":"any","path":["a"],"of":{"op":"==","path":[],"value":"x"}}"#, r#"{"a":["y","x"]}"#, YES),
        (r#"{"op":"any","path":["a"],"of":{"op":"==","path":[],"value":1}}"#, r#"{"a":[]}"#, NO),
        (r#"{"op":"all","path":["a"],"of":{"op":"==","path":[],"value":1}}"#, r#"{"a":[]}"#, YES),
        (r#"{"op":"any","path":[],"of":{"op":"==","path":[],"value":1}}"#, "[0,1]", YES),
        (
            r#"{"op":"any","path":["a"],"of":{"op":"all","path":["b"],"of":{"op":"==","path":["c"],"value":1}}}"#,
            r#"{"a":[{"b":[{"c":2}]},{"b":[{"c":1}]}]}"#,
            YES,
        ),
        (r#"{"op":"any","path":["a"],"of":{"op":"==","path":[],"value":1}}"#, r#"{"a":["x","y",1]}"#, verdict(true, 2)),
        (r#"{"op":"any","path":["a"],"of":{"op":"==","path":[],"value":1}}"#, r#"{"a":[1,"x","y"]}"#, YES),
        (r#"{"op":"all","path":["a"],"of":{"op":"==","path":[],"value":1}}"#, r#"{"a":[1,"x","y"]}"#, MISMATCH),
    ]);
}

#[test]
fn negation_is_real() {
    check(&[
        (r#"{"op":"not","of":{"op":"==","path":["a"],"value":1}}"#, "{}", YES),
        (r#"{"op":"not","of":{"op":"==","path":["a"],"value":1}}"#, r#"{"a":null}"#, YES),
        (r#"{"op":"not","of":{"op":"==","path":["a"],"value":1}}"#, r#"{"a":"1"}"#, verdict(true, 1)),
        (r#"{"op":"not","of":{"op":"!=","path":["a"],"value":1}}"#, "{}", YES),
        (r#"{"op":"not","of":{"op":"==","path":["a"],"value":1}}"#, r#"{"a":1}"#, NO),
        (r#"{"op":"not","of":{"op":"not","of":{"op":"==","path":["a"],"value":1}}}"#, r#"{"a":1}"#, YES),
        (r#"{"op":"not","of":{"op":"any","path":["a"],"of":{"op":"==","path":[],"value":1}}}"#, r#"{"a":[]}"#, YES),
    ]);
}

#[test]
fn left_to_right_and_no_further_than_needed() {
    check(&[
        (
            r#"{"op":"and","of":[{"op":"==","path":["a"],"value":1},{"op":"==","path":["b"],"value":1}]}"#,
            r#"{"a":1,"b":1}"#,
            YES,
        ),
        (
            r#"{"op":"and","of":[{"op":"==","path":["a"],"value":1},{"op":"==","path":["b"],"value":1}]}"#,
            r#"{"a":1,"b":"x"}"#,
            MISMATCH,
        ),
        (
            r#"{"op":"and","of":[{"op":"==","path":["a"],"value":1},{"op":"==","path":["b"],"value":1}]}"#,
            r#"{"a":2,"b":"x"}"#,
            NO,
        ),
        (
            r#"{"op":"or","of":[{"op":"==","path":["a"],"value":1},{"op":"==","path":["b"],"value":1}]}"#,
            r#"{"a":1,"b":"x"}"#,
            YES,
        ),
        (
            r#"{"op":"or","of":[{"op":"==","path":["a"],"value":1},{"op":"==","path":["b"],"value":1}]}"#,
            r#"{"a":"x","b":1}"#,
            verdict(true, 1),
        ),
        (
            r#"{"op":"or","of":[{"op":"==","path":["a"],"value":1},{"op":"==","path":["b"],"value":1}]}"#,
            r#"{"a":"x","b":"x"}"#,
            verdict(false, 2),
        ),
        (
            r#"{"op":"or","of":[{"op":"==","path":["a"],"value":1},{"op":"and","of":[{"op":"==","path":["b"],"value":1},{"op":"==","path":["c"],"value":1}]}]}"#,
            r#"{"b":1,"c":1}"#,
            YES,
        ),
    ]);
}

#[test]
fn paths() {
    check(&[
        (r#"{"op":"==","path":["a","b","c"],"value":1}"#, r#"{"a":{"b":{"c":1}}}"#, YES),
        (r#"{"op":"==","path":["a b","_x"],"value":1}"#, r#"{"a b":{"_x":1}}"#, YES),
        (r#"{"op":"==","path":["a",1,"b"],"value":1}"#, r#"{"a":[0,{"b":1}]}"#, YES),
        (r#"{"op":"==","path":[0],"value":1}"#, "[1]", YES),
        (r#"{"op":"==","path":["len"],"value":1}"#, r#"{"len":1}"#, YES),
        (r#"{"op":"==","path":["a"],"value":2}"#, r#"{"a":1,"a":2}"#, YES),
        (r#"{"op":"==","path":[""],"value":1}"#, r#"{"":1}"#, YES),
    ]);
}
