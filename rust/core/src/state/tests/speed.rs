//! `cargo test --release -p motia-core -- --ignored --nocapture speed`
#![expect(clippy::print_stdout, reason = "a measurement shows what it found")]

use std::hint::black_box;

use rustix::time::{ClockId, clock_gettime};

use super::{item, name};
use crate::state::Key;
use crate::state::cache::Cache;

const TURNS: usize = 100_000;

/// Time that this thread ran for, which other programs do not add to.
fn nanoseconds() -> i64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}

fn time(what: &str, keys: &[Key], mut step: impl FnMut(&Key)) {
    let start = nanoseconds();
    // 61,803 has no divisor in common with the number of keys: each is met as often, and in no order that memory has
    for turn in 0..TURNS {
        step(&keys[turn * 61_803 % keys.len()]);
    }
    println!("  {what}: {} ns", (nanoseconds() - start) / 100_000);
}

#[test]
#[ignore = "a measurement"]
fn speed_of_100_000_steps() {
    for (items, groups) in [(1_000, 1), (100_000, 1), (100_000, 1_000), (100_000, 100_000)] {
        let group = |n| name(&format!("group {}", n % groups));
        let keys: Vec<Key> = (0..items).map(|n| (group(n), name(&format!("key {n}")))).collect();
        println!("{items} items in {groups} groups");
        let mut cache = Cache::new(usize::MAX);
        time("first put", &keys, |key| cache.put(&key.0, &key.1, item(1, "{\"n\":1}")));
        time("find", &keys, |key| assert!(black_box(cache.find(&key.0, &key.1)).is_some()));
        time("put", &keys, |key| cache.put(&key.0, &key.1, item(1, "{\"n\":2}")));
        time("touch", &keys, |key| cache.touch(&key.0, &key.1, 1));
        time("publish", &keys, |key| cache.published([(1, std::slice::from_ref(key))]));
        let mut small = Cache::new(items * 100);
        time("put and evict", &keys, |key| {
            small.put(&key.0, &key.1, item(1, "{\"n\":1}"));
            small.evict(&[]);
        });
    }
}
