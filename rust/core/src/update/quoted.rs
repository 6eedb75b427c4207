//! Text in quotes, as Python spells it: the texts of errors are the same whichever engine raises them.

use std::fmt::Write;

/// A string literal: in single quotes, unless only double ones need no escape; what cannot be printed is escaped.
pub(crate) fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    for letter in text.chars() {
        push(&mut out, letter, quote);
    }
    out.push(quote);
    out
}

fn push(out: &mut String, letter: char, quote: char) {
    let code = u32::from(letter);
    match letter {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\\' => out.push_str("\\\\"),
        _ if letter == quote => out.extend(['\\', letter]),
        _ if is_printable(letter) => out.push(letter),
        _ if code <= 0xff => write!(out, "\\x{code:02x}").expect("memory can be written"),
        _ if code <= 0xffff => write!(out, "\\u{code:04x}").expect("memory can be written"),
        _ => write!(out, "\\U{code:08x}").expect("memory can be written"),
    }
}

fn is_printable(letter: char) -> bool {
    if letter.is_ascii() {
        return !letter.is_ascii_control();
    }
    // The standard library tells by how it escapes; behind another letter it leaves a combining one alone.
    let text = String::from_iter(['a', letter]);
    text.escape_debug().count() == 2
}
