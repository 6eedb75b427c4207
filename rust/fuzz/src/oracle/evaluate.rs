//! Conditions interpreted on the spot.

use std::cmp::Ordering;

use regex::Regex;

use super::decimal;
use super::read::Json;

/// Whether the condition, which the engine takes for one, holds for the value. Counts the mismatches.
pub(crate) fn holds(node: &Json, value: &Json, mismatches: &mut u64) -> bool {
    match op(node) {
        "and" => items(field(node, "of")).iter().all(|part| holds(part, value, mismatches)),
        "or" => items(field(node, "of")).iter().any(|part| holds(part, value, mismatches)),
        "not" => !holds(field(node, "of"), value, mismatches),
        "exists" => lookup(value, field(node, "path")).is_some(),
        "is_null" => matches!(lookup(value, field(node, "path")), Some(Json::Null)),
        _ => asked(node, value, mismatches),
    }
}

/// Whether it leaves out what only takes long: repeats with counts, which make patterns large.
pub(crate) fn is_modest(node: &Json) -> bool {
    match node {
        Json::Array(parts) => parts.iter().all(is_modest),
        Json::Object(entries) => entries.iter().all(|(key, part)| match part {
            Json::Text(pattern) if key == "regex" => !pattern.contains('{') && pattern.len() < 100,
            part => is_modest(part),
        }),
        _ => true,
    }
}

fn asked(node: &Json, value: &Json, mismatches: &mut u64) -> bool {
    let by_length = node.get("path").is_none();
    let Some(found) = lookup(value, field(node, if by_length { "len" } else { "path" })) else {
        return false;
    };
    let wanted = wanted(node);
    if matches!(found, Json::Null) {
        return matches!(op(node), "==" | "in") && wanted.iter().any(|want| matches!(want, Json::Null));
    }
    if op(node) == "!=" && matches!(wanted[..], [Json::Null]) {
        return true;
    }
    let kinds = kinds(node, &wanted);
    if kinds.is_empty() {
        return false;
    }
    let length = if by_length { length(found) } else { None };
    let found = length.as_ref().unwrap_or(found);
    if !kinds.contains(&kind(found)) || (by_length && length.is_none()) {
        *mismatches += 1;
        return false;
    }
    answer(node, found, &wanted, mismatches)
}

/// The types that the operator takes.
fn kinds(node: &Json, wanted: &[Json]) -> Vec<&'static str> {
    match op(node) {
        "matches" => vec!["string"],
        "contains" if matches!(wanted[..], [Json::Text(_)]) => vec!["array", "string"],
        "any" | "all" | "contains" => vec!["array"],
        _ => wanted.iter().map(kind).filter(|kind| *kind != "null").collect(),
    }
}

fn answer(node: &Json, found: &Json, wanted: &[Json], mismatches: &mut u64) -> bool {
    let mut of = |item: &Json| holds(field(node, "of"), item, mismatches);
    match op(node) {
        "any" => items(found).iter().any(of),
        "all" => items(found).iter().all(&mut of),
        "==" | "in" => wanted.iter().any(|want| order(found, want) == Some(Ordering::Equal)),
        "!=" => order(found, &wanted[0]) != Some(Ordering::Equal),
        "<" => order(found, &wanted[0]) == Some(Ordering::Less),
        "<=" => order(found, &wanted[0]) != Some(Ordering::Greater),
        ">" => order(found, &wanted[0]) == Some(Ordering::Greater),
        ">=" => order(found, &wanted[0]) != Some(Ordering::Less),
        "contains" if kind(found) == "array" => {
            items(found).iter().any(|item| order(item, &wanted[0]) == Some(Ordering::Equal))
        }
        "contains" => text(found).contains(text(&wanted[0])),
        "startswith" => text(found).starts_with(text(&wanted[0])),
        "endswith" => text(found).ends_with(text(&wanted[0])),
        "matches" => Regex::new(text(field(node, "regex"))).expect("the engine compiled it").is_match(text(found)),
        other => panic!("the engine takes an operator {other:?}"),
    }
}

/// How two values compare; `None` for those of different types, and for containers.
fn order(one: &Json, other: &Json) -> Option<Ordering> {
    match (one, other) {
        (Json::Null, Json::Null) => Some(Ordering::Equal),
        (Json::Bool(one), Json::Bool(other)) => Some(one.cmp(other)),
        (Json::Number(one), Json::Number(other)) => Some(decimal::compare(one, other)),
        (Json::Text(one), Json::Text(other)) => Some(one.chars().cmp(other.chars())),
        _ => None,
    }
}

fn kind(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "bool",
        Json::Number(_) => "number",
        Json::Text(_) => "string",
        Json::Array(_) => "array",
        Json::Object(_) => "object",
    }
}

fn length(value: &Json) -> Option<Json> {
    let length = match value {
        Json::Text(text) => text.chars().count(),
        Json::Array(items) => items.len(),
        Json::Object(entries) => {
            let seen = |at: usize| entries[..at].iter().any(|(key, _)| *key == entries[at].0);
            (0..entries.len()).filter(|&at| !seen(at)).count()
        }
        _ => return None,
    };
    Some(Json::Number(length.to_string()))
}

fn lookup<'v>(value: &'v Json, path: &Json) -> Option<&'v Json> {
    items(path).iter().try_fold(value, |value, part| match (part, value) {
        (Json::Text(key), Json::Object(_)) => value.get(key),
        (Json::Number(place), Json::Array(items)) => {
            items.get(place.trim_start_matches('-').parse::<usize>().ok()?) // "-0" is a place, too
        }
        _ => None,
    })
}

/// The values that it names.
fn wanted(node: &Json) -> Vec<Json> {
    let values = match node.get("values") {
        Some(values) if op(node) == "in" => items(values).iter().collect(),
        _ => Vec::from_iter(node.get("value")),
    };
    values.into_iter().map(literal).collect()
}

fn literal(value: &Json) -> Json {
    match value {
        Json::Null => Json::Null,
        Json::Bool(value) => Json::Bool(*value),
        Json::Text(text) => Json::Text(text.clone()),
        Json::Number(number) => Json::Number(number.clone()),
        other => Json::Number(text(field(other, "integer")).trim_start_matches('+').to_owned()),
    }
}

// The engine took the condition, so that it has what the grammar says.

fn op(node: &Json) -> &str {
    text(field(node, "op"))
}

fn field<'n>(node: &'n Json, name: &str) -> &'n Json {
    node.get(name).unwrap_or_else(|| panic!("the engine takes {node:?}, which has no {name:?}"))
}

fn text(value: &Json) -> &str {
    match value {
        Json::Text(text) => text,
        other => panic!("the engine takes {other:?} for a string"),
    }
}

fn items(value: &Json) -> &[Json] {
    match value {
        Json::Array(items) => items,
        other => panic!("the engine takes {other:?} for an array"),
    }
}
