//! What one routed message costs: `cargo run --release -p motia-core --example route_cost`.
//!
//! Nanoseconds for each route, the best of several rounds, by payload, kind of condition and number of subscribers. One
//! subscriber gets the message, whatever their number.
#![expect(clippy::print_stdout, reason = "it is a program, and this is what it is for")]

use std::fmt::Write;
use std::hint::black_box;
use std::time::{Duration, Instant};

use motia_core::route::{Entry, Routes};

// Rounds shorter than a time slice, so that on a busy machine some are not interrupted.
const ROUNDS: usize = 500;
const ROUND: Duration = Duration::from_micros(200);

/// The condition of a subscriber out of several.
type Condition = fn(usize) -> Option<String>;

const KINDS: [(&str, Condition); 4] = [
    ("no condition", |_| None),
    ("kind == \"..\"", |n| Some(format!(r#"{{"op":"==","path":["kind"],"value":"kind-{n}"}}"#))),
    ("customer.number > ..", |n| Some(format!(r#"{{"op":">","path":["customer","number"],"value":{}}}"#, 4_241 + n))),
    ("an item costs more than ..", |n| {
        let more = format!(r#"{{"op":">","path":["price"],"value":{}}}"#, 100 + n);
        Some(format!(r#"{{"op":"any","path":["items"],"of":{more}}}"#))
    }),
];

fn main() {
    println!("{:>8}  {:<28}{:>12}{:>12}{:>12}", "bytes", "condition", "1", "10", "1000");
    for payload in [payload(200), payload(5_000)] {
        for (kind, condition) in KINDS {
            let costs: Vec<String> = [1, 10, 1_000].map(|count| cost(condition, count, &payload)).into();
            println!("{:>8}  {kind:<28}{:>12}{:>12}{:>12}", payload.len(), costs[0], costs[1], costs[2]);
        }
    }
}

/// An order of about that many bytes.
fn payload(bytes: usize) -> Vec<u8> {
    let mut json =
        r#"{"id":"0197-af24","kind":"kind-0","customer":{"number":4242,"name":"Zoë Ångström"},"items":["#.to_owned();
    let mut number = 0;
    while json.len() < bytes - 60 {
        let comma = if number == 0 { "" } else { "," };
        write!(json, r#"{comma}{{"sku":"AB-{number:04}","price":{}.5,"quantity":1}}"#, number % 90)
            .expect("it is memory");
        number += 1;
    }
    json += r#"],"note":"leave it at the door"}"#;
    json.into_bytes()
}

fn cost(condition: Condition, count: usize, payload: &[u8]) -> String {
    let conditions: Vec<_> = (0..count).map(condition).collect();
    let entries = conditions.iter().enumerate().map(|(target, condition)| Entry {
        id: "step/orders",
        topic: "orders",
        condition: condition.as_deref().map(str::as_bytes),
        target,
    });
    let routes = Routes::new(entries).expect("they are conditions");
    let route = || routes.route(black_box("orders"), None, black_box(payload)).expect("it is JSON");
    let calls = ROUND.as_nanos() / once(1, route).as_nanos().max(1);
    let calls = u32::try_from(calls).unwrap_or(u32::MAX).max(1);
    let best = (0..ROUNDS).map(|_| once(calls, route)).min().expect("there are rounds");
    format!("{best:?}")
}

/// What one call costs, on average.
fn once<T>(calls: u32, call: impl Fn() -> T) -> Duration {
    let start = Instant::now();
    for _ in 0..calls {
        black_box(call());
    }
    start.elapsed() / calls
}
