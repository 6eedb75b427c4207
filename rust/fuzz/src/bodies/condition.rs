//! The JSON of a condition: refused with a short text, or fit to be evaluated.

use motia_core::condition::Condition;

use crate::oracle;

pub(super) const WORDS: &[&str] = super::evaluate::WORDS;

pub(super) fn body(data: &[u8]) {
    let modest = oracle::read(data).as_ref().is_none_or(oracle::is_modest);
    if !modest {
        return;
    }
    match Condition::compile(data) {
        Ok(condition) => {
            let verdict = condition.evaluate(br#"{"a":[{"b":1},"x",null],"b":2}"#);
            verdict.expect("the payload is JSON");
        }
        Err(error) => assert!(error.to_string().chars().count() < 2_000, "an error of one page at most"),
    }
}
