//! Updates as tables: what was, the operations, what is.

use super::OpKind::{Append, Decrement, Increment, Merge, Remove, Set};
use super::{OpKind, Segment, UpdateOp, apply, quoted};
use crate::error::Error;

/// An operation at `a/0/b`: whole numbers are indices. A value of "" is none.
fn op(kind: OpKind, path: &str, value: &str) -> UpdateOp {
    let segments = path.split('/').filter(|text| !text.is_empty());
    let path = segments.map(|text| text.parse().map_or_else(|_| Segment::Key(text.to_owned()), Segment::Index));
    UpdateOp { kind, path: path.collect(), value: (!value.is_empty()).then(|| value.as_bytes().into()) }
}

fn after(before: &str, ops: &[UpdateOp]) -> Result<String, Error> {
    let value = (!before.is_empty()).then_some(before.as_bytes());
    apply(value, ops).map(|found| String::from_utf8(found).expect("JSON is UTF-8"))
}

fn why(before: &str, ops: &[UpdateOp]) -> String {
    match after(before, ops) {
        Err(Error::UpdateRefused(why)) => why,
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn an_operation_changes_its_place_alone() {
    let table = [
        (r#"{"a":1}"#, op(Set, "a", "2"), r#"{"a":2}"#),
        (r#"{"a":1}"#, op(Set, "", "[1]"), "[1]"),
        ("{}", op(Set, "a/b/c", "1"), r#"{"a":{"b":{"c":1}}}"#),
        (r#"{"a":{"x":1}}"#, op(Set, "a/b", "2"), r#"{"a":{"x":1,"b":2}}"#),
        (r#"{"a":[1,2,3]}"#, op(Set, "a/1", "9"), r#"{"a":[1,9,3]}"#),
        (r#"{"a":[1,2,3]}"#, op(Set, "a/3", "4"), r#"{"a":[1,2,3,4]}"#),
        (r#"{"a":[]}"#, op(Set, "a/0/b", "1"), r#"{"a":[{"b":1}]}"#),
        (r#"{"a":[{"b":1}]}"#, op(Set, "a/0/b", "2"), r#"{"a":[{"b":2}]}"#),
        (r#"{"a.b":1}"#, op(Set, "a.b", "2"), r#"{"a.b":2}"#),
        (r#"{"7":1}"#, op(Set, "7", "2"), r#"{"7":2}"#), // an index names a member by its digits
        ("{}", op(Set, "-1", "2"), r#"{"-1":2}"#),
        (r#"{"b":0,"a":1}"#, op(Set, "b", "2"), r#"{"b":2,"a":1}"#), // a member keeps its place
        (r#"{"a":1,"b":{"x":1}}"#, op(Merge, "", r#"{"b":{"y":2},"c":3}"#), r#"{"a":1,"b":{"y":2},"c":3}"#),
        (r#"{"a":{"x":1}}"#, op(Merge, "a", r#"{"y":2}"#), r#"{"a":{"x":1,"y":2}}"#),
        ("{}", op(Merge, "a", r#"{"y":2}"#), r#"{"a":{"y":2}}"#),
        (r#"{"n":1}"#, op(Increment, "n", "2"), r#"{"n":3}"#),
        (r#"{"n":1}"#, op(Increment, "n", ""), r#"{"n":2}"#),
        (r#"{"n":1}"#, op(Increment, "n", "0.5"), r#"{"n":1.5}"#),
        (r#"{"n":0.5}"#, op(Increment, "n", "1"), r#"{"n":1.5}"#),
        (r#"{"n":1}"#, op(Decrement, "n", "3"), r#"{"n":-2}"#),
        ("{}", op(Increment, "n", "2"), r#"{"n":2}"#),
        ("{}", op(Decrement, "n", "2"), r#"{"n":-2}"#),
        ("5", op(Increment, "", "2"), "7"),
        (r#"{"a":[1]}"#, op(Append, "a", "2"), r#"{"a":[1,2]}"#),
        (r#"{"a":[1]}"#, op(Append, "a", "[2]"), r#"{"a":[1,[2]]}"#),
        ("{}", op(Append, "a", "1"), r#"{"a":[1]}"#),
        ("[]", op(Append, "", "1"), "[1]"),
        (r#"{"a":1,"b":2}"#, op(Remove, "a", ""), r#"{"b":2}"#),
        (r#"{"a":{"b":1}}"#, op(Remove, "a/b", ""), r#"{"a":{}}"#),
        (r#"{"a":[1,2,3]}"#, op(Remove, "a/1", ""), r#"{"a":[1,3]}"#),
        (r#"{"b":2}"#, op(Remove, "a", ""), r#"{"b":2}"#),
        (r#"{"b":2}"#, op(Remove, "a/b/c", ""), r#"{"b":2}"#),
        (r#"{"a":[1]}"#, op(Remove, "a/1", ""), r#"{"a":[1]}"#),
        (r#"{"a":[1]}"#, op(Remove, "a/7", ""), r#"{"a":[1]}"#),
        (r#"{"a":[1]}"#, op(Remove, "a/7/b", ""), r#"{"a":[1]}"#),
        ("", op(Set, "a", "1"), r#"{"a":1}"#), // "": there is no item
        ("", op(Set, "", "1"), "1"),
        ("", op(Merge, "", r#"{"a":1}"#), r#"{"a":1}"#),
        ("", op(Increment, "", "2"), "2"),
        ("", op(Increment, "n", "2"), r#"{"n":2}"#),
        ("", op(Append, "", "1"), "[1]"),
    ];
    for (before, change, expected) in table {
        assert_eq!(after(before, std::slice::from_ref(&change)).unwrap(), expected, "{before} {change:?}");
    }
}

#[test]
fn an_operation_that_does_not_fit_says_why() {
    let table = [
        (r#"{"n":"one"}"#, op(Increment, "n", "1"), r#"("increment" at n): there is a string, not a number"#),
        (r#"{"n":null}"#, op(Increment, "n", "1"), r#"("increment" at n): there is null, not a number"#),
        (r#"{"n":true}"#, op(Decrement, "n", "1"), r#"("decrement" at n): there is a boolean, not a number"#),
        (r#"{"n":1}"#, op(Increment, "n", r#""1""#), r#"("increment" at n): adds a number, not a string"#),
        (r#"{"n":1}"#, op(Decrement, "n", "[1]"), r#"("decrement" at n): adds a number, not an array"#),
        (r#"{"a":{}}"#, op(Append, "a", "1"), r#"("append" at a): there is an object, not an array"#),
        (r#"{"a":[1]}"#, op(Merge, "a", r#"{"x":1}"#), r#"("merge" at a): there is an array, not an object"#),
        (r#"{"a":{}}"#, op(Merge, "a", "[1]"), r#"("merge" at a): merges an object, not an array"#),
        (r#"{"a":1}"#, op(Set, "a/b", "1"), r#"("set" at a.b): a number has nothing inside it"#),
        (r#"{"a":"text"}"#, op(Set, "a/0", "1"), r#"("set" at a.0): a string has nothing inside it"#),
        (r#"{"a":[1]}"#, op(Set, "a/5", "1"), r#"("set" at a.5): 5 is not an index of an array of 1"#),
        (r#"{"a":[1]}"#, op(Set, "a/-1", "1"), r#"("set" at a.-1): -1 is not an index of an array of 1"#),
        (r#"{"a":[1]}"#, op(Remove, "a/-1", ""), r#"("remove" at a.-1): -1 is not an index of an array of 1"#),
        (r#"{"a":[1]}"#, op(Set, "a/x", "1"), r#"("set" at a.x): 'x' is not an index of an array of 1"#),
        ("{}", op(Append, "", "1"), r#"("append" at the value itself): there is an object, not an array"#),
        ("{}", op(Set, "a", ""), r#"("set" at a): needs a value"#),
    ];
    for (before, change, expected) in table {
        assert_eq!(why(before, &[op(Remove, "other", ""), change]), format!("operation 2 {expected}"));
    }
}

#[test]
fn a_digit_that_is_a_key_is_no_index() {
    let change = UpdateOp { kind: Remove, path: vec![Segment::Key("0".to_owned())], value: None };
    assert_eq!(why("[1]", &[change]), r#"operation 1 ("remove" at 0): '0' is not an index of an array of 1"#);
}

#[test]
fn operations_see_each_other_in_order() {
    let ops = [
        op(Set, "items", "[]"),
        op(Append, "items", r#""a""#),
        op(Append, "items", r#""b""#),
        op(Increment, "count", "2"),
        op(Decrement, "count", ""),
        op(Remove, "items/0", ""),
    ];
    assert_eq!(after("", &ops).unwrap(), r#"{"items":["b"],"count":1}"#);
}

#[test]
fn an_update_that_leaves_nothing_is_refused() {
    let leaves_nothing = "the update leaves no value; use delete to remove an item";
    assert_eq!(why("1", &[op(Remove, "", "")]), leaves_nothing);
    assert_eq!(why("", &[op(Remove, "a/b", "")]), leaves_nothing);
    assert_eq!(why("", &[]), leaves_nothing);
    assert_eq!(after("1", &[op(Remove, "", ""), op(Set, "", "2")]).unwrap(), "2");
}

#[test]
fn integers_of_any_size_add_up_exactly() {
    let table = [
        ("9223372036854775807", "9223372036854775807", "18446744073709551614"),
        ("9223372036854775807", "1", "9223372036854775808"),
        ("-9223372036854775808", "-1", "-9223372036854775809"),
        ("18446744073709551616", "-18446744073709551616", "0"),
        ("1", "-100000000000000000000", "-99999999999999999999"),
        ("100000000000000000000", "-1", "99999999999999999999"),
        ("-100000000000000000000", "1", "-99999999999999999999"),
        ("99999999999999999999", "1", "100000000000000000000"),
        ("123456789012345678901234567890", "987654321098765432109876543210", "1111111110111111111011111111100"),
        ("-0", "0", "0"),
    ];
    for (a, b, sum) in table {
        assert_eq!(after(a, &[op(Increment, "", b)]).unwrap(), sum, "{a} + {b}");
        assert_eq!(after(sum, &[op(Decrement, "", b)]).unwrap(), a.replace("-0", "0"), "{sum} - {b}");
    }
}

#[test]
fn a_float_beside_an_integer_makes_a_float() {
    let table = [
        ("9007199254740993", "0.0", "9007199254740992.0"), // 2^53 + 1 has no float of its own
        ("0", "-0.0", "0.0"),
        ("-0.0", "-0.0", "-0.0"),
        ("0.1", "0.2", "0.30000000000000004"),
        ("1", "1e22", "1e+22"),
        ("100000000000000000000", "0.5", "1e+20"),
    ];
    for (a, b, sum) in table {
        assert_eq!(after(a, &[op(Increment, "", b)]).unwrap(), sum, "{a} + {b}");
    }
}

#[test]
fn what_json_cannot_hold_is_refused_with_its_place() {
    let huge = [op(Increment, "a b/1/c", "1.7e308")];
    assert_eq!(
        why(r#"{"a b":[0,{"c":1.7e308}]}"#, &huge),
        r#"the result is not JSON: payload["a b"][1].c: infinity is not JSON"#
    );
    let longest = format!(r#"{{"n":{}}}"#, "9".repeat(4300));
    assert_eq!(
        why(&longest, &[op(Increment, "n", "")]),
        "the result is not JSON: payload.n: an integer of so many digits cannot be written"
    );
    let beyond = format!("1{}", "0".repeat(309));
    assert_eq!(
        why(&beyond, &[op(Increment, "", "0.5")]),
        r#"operation 1 ("increment" at the value itself): an integer of 310 digits is beyond the range of a float"#
    );
}

#[test]
fn what_an_update_does_not_touch_comes_back_as_it_was() {
    let before = concat!(
        r#" { "big" : 123456789012345678901234567890, "f":1.50, "e": 1E5, "z":-0.0, "tiny":1e-400, "é":"\u00e9\n\/","#,
        r#" "x":"\u0000\u001f\u007f", "dup":1, "last":[ ], "dup":{"a":null} , "emoji":"\ud83d\ude00" }"#
    );
    let expected = concat!(
        r#"{"big":123456789012345678901234567890,"f":1.5,"e":100000.0,"z":-0.0,"tiny":0.0,"é":"é\n/","#,
        "\"x\":\"\\u0000\\u001f\u{7f}\",\"dup\":{\"a\":null},\"last\":[],\"emoji\":\"😀\",\"n\":1}"
    );
    assert_eq!(after(before, &[op(Increment, "n", "")]).unwrap(), expected);
}

#[test]
fn of_equal_names_the_last_counts_in_objects_of_any_size() {
    for size in [2, 16, 17, 1_000] {
        let members: Vec<_> = (0..size).map(|n| format!(r#""k{n}":{n}"#)).collect();
        let before = format!(r#"{{{},"k0":"again"}}"#, members.join(","));
        let expected = format!(r#"{{"k0":"again",{}}}"#, members[1..].join(","));
        assert_eq!(after(&before, &[op(Remove, "none", "")]).unwrap(), expected);
        assert_eq!(after(r#"{"k0":1}"#, &[op(Merge, "", &before)]).unwrap(), expected);
    }
}

#[test]
fn what_is_not_json_is_told_apart() {
    let texts = [
        "",
        " ",
        "{",
        "[1,]",
        "[1 2]",
        "{\"a\"}",
        "{\"a\":1,}",
        "{1:2}",
        "nul",
        "01",
        "-",
        "1.",
        ".5",
        "1e",
        "+1",
        "NaN",
        "Infinity",
        "1e400",
        "\"",
        "\"\n\"",
        "\"\\x\"",
        "\"\\ud800\"",
        "\"\\udc00\"",
        "1 2",
        "\u{feff}1",
        "'a'",
    ];
    for text in texts {
        let found = apply(Some(text.as_bytes()), &[]);
        assert!(matches!(found, Err(Error::NotJson(_))), "{text:?}: {found:?}");
        if !text.is_empty() {
            let found = after("{}", &[op(Set, "a", text)]);
            assert!(matches!(found, Err(Error::NotJson(_))), "{text:?}: {found:?}");
        }
    }
    assert!(matches!(apply(Some(b"\"\xff\""), &[]), Err(Error::NotJson(_))));
    let digits = "1".repeat(4301);
    assert!(matches!(after(&digits, &[]), Err(Error::NotJson(_))));
}

#[test]
fn nesting_is_read_to_1024_levels_and_written_to_254() {
    let nested = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
    assert_eq!(after(&nested(254), &[]).unwrap(), nested(254));
    assert_eq!(why(&nested(255), &[]), "the result is not JSON: payload: nested deeper than 254 levels");
    assert_eq!(after(&nested(1024), &[op(Set, "0", "1")]).unwrap(), "[1]");
    assert!(matches!(after(&nested(1025), &[]), Err(Error::NotJson(_))));
}

#[test]
fn a_path_is_followed_to_1024_segments() {
    let path = |segments| vec!["a"; segments].join("/");
    assert_eq!(after("{}", &[op(Remove, &path(1024), "")]).unwrap(), "{}");
    assert_eq!(
        why("{}", &[op(Set, &path(255), "1")]),
        "the result is not JSON: payload: nested deeper than 254 levels"
    );
    assert!(why("{}", &[op(Set, &path(1025), "1")]).ends_with("a path of 1025 segments, more than 1024"));
}

#[test]
fn quoted_text_is_as_python_spells_it() {
    let table = [
        ("a", "'a'"),
        ("it's", r#""it's""#),
        (r#"say "hi""#, r#"'say "hi"'"#),
        (r#"it's "hi""#, r#"'it\'s "hi"'"#),
        ("a\\b\n\r\t\u{0}\u{7f}", r"'a\\b\n\r\t\x00\x7f'"),
        ("é日😀", "'é日😀'"),
        ("\u{301}", "'\u{301}'"),        // a combining accent can be printed
        ("\u{a0}\u{ad}", r"'\xa0\xad'"), // a space that is not ASCII's cannot
        ("\u{200b}\u{2028}", r"'\u200b\u2028'"),
        ("\u{e000}\u{e0001}", r"'\ue000\U000e0001'"),
    ];
    for (text, expected) in table {
        assert_eq!(quoted(text), expected);
    }
}
