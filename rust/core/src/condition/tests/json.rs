//! What is JSON: what the pure engine's decoder takes, and nothing else.

use super::super::{Condition, NotJson};

fn check(payload: &[u8]) -> Result<(), NotJson> {
    let looks_elsewhere = Condition::compile(br#"{"op":"exists","path":["nobody has this"]}"#).unwrap();
    let looks_at_it = Condition::compile(br#"{"op":"exists","path":[]}"#).unwrap();
    let skipped = looks_elsewhere.evaluate(payload).map(|_| ());
    let kept = looks_at_it.evaluate(payload).map(|_| ());
    assert_eq!(skipped, kept, "{}", String::from_utf8_lossy(payload));
    skipped
}

#[test]
fn json() {
    let long = |repeated: &str, times| repeated.repeat(times);
    let right = [
        "1".into(),
        " \n\t\r1 ".into(),
        "-0".into(),
        "-0.0".into(),
        "1E5".into(),
        "1e+5".into(),
        "1.7976931348623158e308".into(),
        "1e-400".into(),
        "1e-99999999999999999999".into(),
        "0e99999999999999999999".into(),
        format!("0.{}1e401", long("0", 400)),
        format!("1{}e-400", long("0", 400)),
        format!("0.{}1e700001", long("0", 700_000)),
        format!("{}e-700000", long("9", 700_000)),
        long("9", 4300),
        format!("-{}", long("9", 4300)),
        format!("{}.0", long("9", 300)),
        r#""\u0000\ud83d\ude00\/\"\\""#.into(),
        "\"\u{7f}é\u{1f600}\"".into(),
        r#"{"a":1,"a":[],"":{}}"#.into(),
        "[ ]".into(),
        "[ 1 , { } ]".into(),
        long("[", 1024) + &long("]", 1024),
        long(r#"{"a":"#, 1024) + "1" + &long("}", 1024),
        long("[", 1023) + "[],{}" + &long("]", 1023),
    ];
    for payload in right {
        assert_eq!(check(payload.as_bytes()), Ok(()), "{payload:.60}");
    }
}

#[test]
fn no_json() {
    let long = |repeated: &str, times| repeated.repeat(times);
    let wrong = [
        (String::new(), "unexpected end: line 1 column 1 (char 0)"),
        (" ".into(), "unexpected end: line 1 column 2 (char 1)"),
        ("NaN".into(), "expected a value: line 1 column 1 (char 0)"),
        ("Infinity".into(), "expected a value"),
        ("-Infinity".into(), "expected a value: line 1 column 2 (char 1)"),
        ("tru".into(), "expected a value"),
        ("truex".into(), "more behind the value: line 1 column 5 (char 4)"),
        ("1 2".into(), "more behind the value"),
        ("\u{c}1".into(), "expected a value"),
        ("\u{feff}1".into(), "expected a value"),
        ("+1".into(), "expected a value"),
        (".5".into(), "expected a value"),
        ("--1".into(), "expected a value"),
        ("-".into(), "unexpected end"),
        ("01".into(), "a number with a leading zero"),
        ("[-00]".into(), "a number with a leading zero: line 1 column 2 (char 1)"),
        ("1.".into(), "unexpected end"),
        ("1.e5".into(), "expected a digit behind the point"),
        ("[1e]".into(), "expected a digit of the exponent"),
        ("1e+".into(), "unexpected end"),
        ("[\n\n 1e400]".into(), "a number beyond the range of a float: line 3 column 2 (char 4)"),
        ("-1e99999999999999999999".into(), "a number beyond the range of a float"),
        ("1.7976931348623159e308".into(), "a number beyond the range of a float"),
        (format!("1{}.0", long("0", 400)), "a number beyond the range of a float"),
        (format!("0.{}1e700310", long("0", 700_000)), "a number beyond the range of a float"),
        (long("9", 4301), "an integer of more than 4300 digits"),
        ("[1,]".into(), "a comma with nothing behind it: line 1 column 4 (char 3)"),
        (r#"{"a":1,}"#.into(), "a comma with nothing behind it"),
        ("[,1]".into(), "expected a value"),
        ("[1 2]".into(), "expected \",\" or \"]\": line 1 column 4 (char 3)"),
        (r#"{"a":1 "b":2}"#.into(), "expected \",\" or \"}\""),
        (r#"{"a" 1}"#.into(), "expected \":\""),
        ("{a:1}".into(), "expected a key, which is a string"),
        ("{1:1}".into(), "expected a key, which is a string"),
        ("[1}".into(), "expected \",\" or \"]\""),
        (r#"{"a":1]"#.into(), "expected \",\" or \"}\""),
        ("[".into(), "unexpected end"),
        (r#""a"#.into(), "unexpected end"),
        (r#""\"#.into(), "an unknown escape"),
        (r#""\x""#.into(), "an unknown escape: line 1 column 2 (char 1)"),
        (r#""\u12""#.into(), "an escape \\u without four hexadecimal digits"),
        (r#""\u+123""#.into(), "an escape \\u without four hexadecimal digits"),
        (r#""é\ud800""#.into(), "a high surrogate without a low one: line 1 column 3 (char 2)"),
        (r#""\ud800\u0041""#.into(), "a high surrogate without a low one"),
        (r#""\ud83d\\""#.into(), "a high surrogate without a low one"),
        (r#""\udc00""#.into(), "a low surrogate without a high one"),
        ("\"\u{1f}\"".into(), "a control character in a string"),
        ("\"\u{0}\"".into(), "a control character in a string"),
        ("[\"0123456789\n\"]".into(), "a control character in a string"),
        (long("[", 1025) + &long("]", 1025), "nested deeper than 1024 levels: line 1 column 1025 (char 1024)"),
        (long("[", 100_000), "nested deeper than 1024 levels"),
        (long(r#"{"a":"#, 1025) + "1" + &long("}", 1025), "nested deeper than 1024 levels"),
    ];
    for (payload, why) in wrong {
        let error = check(payload.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(why), "{payload:.60}: {error}");
    }
}

#[test]
fn what_is_no_utf_8_is_no_json() {
    for wrong in [&b"\"\xff\""[..], b"\"\xc0\x80\"", b"\"\xed\xa0\x80\"", b"\"\xf4\x90\x80\x80\"", b"\"\xc3"] {
        assert_eq!(check(wrong).unwrap_err().to_string(), "not valid UTF-8: line 1 column 2 (char 1)");
    }
}
