//! Who sleeps on the descriptor is woken when `next_due` comes nearer.
#![cfg(target_os = "linux")]

use motia_core::clock::SECOND;
use motia_core::engine::contract::{Message, Subscription};
use motia_core::engine::parts::Parts;
use motia_core::engine::register::register;
use motia_core::engine::tick::{next_due, tick};
use motia_core::job::{Kind, Outcome};

use crate::rig::{Rig, START, end, message, put, subscription, take};

/// Whether the descriptor is readable.
fn is_awake(parts: &Parts) -> bool {
    let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", parts.wake.fd())).unwrap();
    let count = info.lines().find_map(|line| line.strip_prefix("eventfd-count:")).unwrap();
    count.trim() != "0"
}

#[test]
fn a_settle_that_lets_others_become_due_wakes() {
    let mut rig = Rig::new();
    rig.settings.window_jobs = 2; // so many due jobs wait for a place at most
    let opened = rig.open();
    let parts = &opened.parts;
    register(parts, vec![subscription("a/t", "t", Kind::Thread)]).unwrap();
    let delayed = |delay| Message { delay: Some(delay), ..message("t", "0") };
    put(parts, &[delayed(1.0), delayed(1.0), delayed(2.0)]);
    for second in 1..=2 {
        rig.settings.clock.set(START.0 + second * SECOND, START.1 + second * SECOND);
        tick(parts).unwrap();
    }
    let jobs = take(parts, Kind::Thread, 4);
    assert_eq!(jobs.len(), 2);
    assert_eq!(next_due(parts).unwrap(), None, "nothing becomes due while two run");
    rig.faults.hold();
    parts.wake.acknowledge();
    end(parts, jobs[0].lease, Outcome::Done, Vec::new());
    assert!(is_awake(parts));
    assert_eq!(next_due(parts).unwrap(), Some(0.0));
    rig.faults.let_go();
    opened.close().unwrap();
}

#[test]
fn a_thread_that_claims_wakes_when_its_deadline_is_the_first() {
    let rig = Rig::new();
    let opened = rig.open();
    let parts = &opened.parts;
    let timed = |id: &str, timeout: f64| Subscription { timeout: Some(timeout), ..subscription(id, id, Kind::Thread) };
    register(parts, vec![timed("long", 100.0), timed("short", 10.0)]).unwrap();
    put(parts, &[message("long", "0"), message("long", "0")]);
    assert_eq!(next_due(parts).unwrap(), None);
    parts.wake.acknowledge();
    take(parts, Kind::Thread, 1);
    assert!(is_awake(parts), "there was no deadline before");
    assert_eq!(next_due(parts).unwrap(), Some(100.0));
    parts.wake.acknowledge();
    take(parts, Kind::Thread, 1);
    assert!(!is_awake(parts), "no sooner than the one that is known");
    put(parts, &[message("short", "0")]);
    parts.wake.acknowledge();
    take(parts, Kind::Thread, 1);
    assert!(is_awake(parts), "sooner");
    opened.close().unwrap();
}
