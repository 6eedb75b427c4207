//! Threads that meet where it hurt: each test tells of one meeting that went wrong.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::thread::{Builder, scope, yield_now};
use std::time::{Duration, Instant};

use motia_core::engine::contract::{Effect, JobFilter, ScheduleRow, Settlement, Subscription};
use motia_core::engine::enqueue::enqueue;
use motia_core::engine::inspect::{jobs, parked};
use motia_core::engine::register::register;
use motia_core::engine::settle::settle;
use motia_core::engine::{schedule, state, stats::stats};
use motia_core::error::Error;
use motia_core::job::{Kind, Outcome};
use motia_core::state::StateWrite;

use crate::rig::{Over, Rig, end, message, put, subscription, take, until};

/// Meetings are by chance: so many are tried.
const ROUNDS: usize = 30;

#[test]
fn two_registrations_at_once_route_a_parked_message_once() {
    for _ in 0..ROUNDS {
        let rig = Rig::new();
        let opened = rig.open();
        let parts = &opened.parts;
        put(parts, &vec![message("t", "0"); 300]);
        scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| register(parts, vec![subscription("a/t", "t", Kind::Async)]).unwrap());
            }
        });
        let found = jobs(parts, &JobFilter::default(), 1_000, 0).unwrap();
        let messages: BTreeSet<_> = found.iter().map(|job| job.record.message).collect();
        assert_eq!((found.len(), messages.len()), (300, 300));
        opened.close().unwrap();
    }
}

#[test]
fn what_was_parked_while_a_registration_began_is_routed_by_it() {
    for _ in 0..ROUNDS {
        let rig = Rig::new();
        let opened = rig.open();
        let parts = &opened.parts;
        scope(|scope| {
            let publishing = parts.publishing.lock(); // in which the registration is going to come to a stand
            scope.spawn(|| register(parts, vec![subscription("a/t", "t", Kind::Async)]).unwrap());
            until("a registration", || parts.registering.is_locked());
            rig.faults.hold();
            enqueue(parts, &[message("t", "0")]).unwrap();
            drop(publishing);
            // It waits for the disk at first if it came late to this meeting.
            let started = Instant::now();
            while !parts.routes.load().knows("t") && started.elapsed() < Duration::from_millis(20) {
                yield_now();
            }
            rig.faults.let_go();
        });
        assert_eq!(parked(parts, 10, 0).unwrap().len(), 0);
        assert_eq!(take(parts, Kind::Async, 2).len(), 1);
        opened.close().unwrap();
    }
}

#[test]
fn a_rename_forgets_no_subscription_that_comes_meanwhile() {
    let rig = Rig::new();
    let opened = rig.open();
    let parts = &opened.parts;
    register(parts, vec![subscription("name 0", "t", Kind::Async)]).unwrap();
    let row = |number: usize| ScheduleRow {
        subscription: format!("cron {number}"),
        expression: "* * * * *".to_owned(),
        zone: "UTC".to_owned(),
        last: 0,
    };
    let over = Over::default();
    let declared = scope(|scope| {
        let declaring = scope.spawn(|| {
            let numbers = (0..2_000).take_while(|_| !over.is_over());
            numbers.inspect(|number| drop(schedule::declare(parts, row(*number)).unwrap())).count()
        });
        let stopping = over.at_drop();
        for number in 1..3 * ROUNDS {
            let was = vec![format!("name {}", number - 1)];
            let renamed = Subscription { was, ..subscription(&format!("name {number}"), "t", Kind::Async) };
            register(parts, vec![renamed]).unwrap();
        }
        drop(stopping);
        declaring.join().unwrap()
    });
    let directory = parts.directory.load();
    let lost: Vec<_> = (0..declared).filter(|n| !directory.by_id.contains_key(&format!("cron {n}"))).collect();
    assert_eq!(lost, [0_usize; 0]);
    opened.close().unwrap();
}

#[test]
fn no_job_is_claimed_by_the_kind_that_it_had_before() {
    let rig = Rig::new();
    let opened = rig.open();
    let parts = &opened.parts;
    let others: Vec<_> = (0..100).map(|n| subscription(&format!("other {n}"), "", Kind::Async)).collect();
    let declare = |kind| {
        let mut all = vec![subscription("a/t", "t", kind)];
        all.extend_from_slice(&others); // it takes its time
        register(parts, all).unwrap();
    };
    declare(Kind::Async);
    put(parts, &vec![message("t", "0"); 100]);
    let over = Over::default();
    scope(|scope| {
        for kind in [Kind::Async, Kind::Thread] {
            let over = &over;
            scope.spawn(move || {
                while !over.is_over() {
                    for job in take(parts, kind, 1) {
                        assert_eq!(job.subscription.kind, kind);
                        end(parts, job.lease, Outcome::Released, Vec::new());
                    }
                    yield_now();
                }
            });
        }
        let _over = over.at_drop();
        for _ in 0..10 * ROUNDS {
            declare(Kind::Thread);
            declare(Kind::Async);
        }
    });
    opened.close().unwrap();
}

#[test]
fn a_merge_loses_and_doubles_nothing_of_what_comes_meanwhile() {
    for round in 0..ROUNDS {
        let mut rig = Rig::new();
        rig.settings.window_jobs = 4;
        let opened = rig.open();
        let parts = &opened.parts;
        let target = subscription("new", "t", Kind::Async);
        register(parts, vec![subscription("old", "s", Kind::Async), target.clone()]).unwrap();
        let over = Over::default();
        let mut wanted = scope(|scope| {
            let putting = scope.spawn(|| {
                let mut ids = Vec::new();
                while !over.is_over() {
                    ids.extend(put(parts, &[message("t", "0")]));
                }
                ids
            });
            let claiming = scope.spawn(|| {
                while !over.is_over() {
                    for job in take(parts, Kind::Async, 3) {
                        end(parts, job.lease, Outcome::Released, Vec::new());
                    }
                    yield_now();
                }
            });
            let stopping = over.at_drop();
            let adopting = Subscription { was: vec!["old".to_owned()], ..target.clone() };
            let mut tries = 0;
            // It is refused while jobs run, and succeeds when it finds a moment in which none does.
            while let Err(error) = register(parts, vec![adopting.clone()]) {
                assert!(matches!(error, Error::Engine(_)), "{error}");
                tries += 1;
                assert!(tries < 100_000, "round {round}: no moment without a running job");
            }
            drop(stopping);
            claiming.join().unwrap();
            putting.join().unwrap()
        });
        let (mut found, mut idle) = (Vec::new(), 0);
        parts.wait(parts.committed(), None).unwrap();
        while found.len() < wanted.len() && idle < 1_000_000 {
            let claimed = take(parts, Kind::Async, 8);
            idle = if claimed.is_empty() { idle + 1 } else { 0 };
            for job in claimed {
                found.push(job.record.id);
                end(parts, job.lease, Outcome::Done, Vec::new());
            }
        }
        wanted.sort_unstable();
        found.sort_unstable();
        assert_eq!(found, wanted);
        let counted = &stats(parts).unwrap().subscriptions;
        assert!(counted.iter().all(|one| one.ready + one.scheduled + one.running == 0), "{counted:?}");
        assert_eq!(schedule::unfinished(parts, "new").unwrap(), 0);
        opened.close().unwrap();
    }
}

fn set(group: &str, key: &str) -> StateWrite {
    StateWrite {
        group: group.into(),
        key: key.into(),
        value: Some(b"1".as_slice().into()),
        ops: Vec::new(),
        delete: false,
        ttl: None,
        expected_version: None,
    }
}

/// A rig whose state is cold, one running job, and a settlement of it that has to read the disk.
fn cold() -> (Rig, motia_core::engine::open::Opened, Settlement) {
    let mut rig = Rig::new();
    rig.settings.state_cache_bytes = 0;
    let opened = rig.open();
    let parts = &opened.parts;
    register(parts, vec![subscription("a/t", "t", Kind::Async)]).unwrap();
    put(parts, &[message("t", "0")]);
    let state::Warm::Answer((commit, _)) = state::write(parts, &[set("g", "other")]).unwrap() else { panic!("cold") };
    parts.wait(commit, None).unwrap(); // and evicted: from here on nothing is known of other keys
    let lease = take(parts, Kind::Async, 1)[0].lease;
    let effects = vec![Effect::Message(message("u", "0")), Effect::State(set("g", "key"))];
    (rig, opened, Settlement { lease, outcome: Outcome::Done, effects })
}

#[test]
fn a_message_of_a_settle_that_reads_the_disk_goes_where_the_routes_lead_afterwards() {
    let (rig, opened, settlement) = cold();
    let parts = Arc::clone(&opened.parts);
    rig.gate.shut_for("settler");
    let settler = Builder::new().name("settler".to_owned()).spawn(move || settle(&parts, vec![settlement])).unwrap();
    rig.gate.wait_until_reached();
    let parts = &opened.parts;
    let both = vec![subscription("a/t", "t", Kind::Async), subscription("b/u", "u", Kind::Async)];
    register(parts, both).unwrap();
    rig.gate.open();
    let settled = settler.join().unwrap().unwrap();
    assert!(settled.refused.is_empty(), "{:?}", settled.refused);
    parts.wait(settled.commit, None).unwrap();
    assert_eq!(take(parts, Kind::Async, 2).len(), 1, "parked, where nobody looks for it any more");
    opened.close().unwrap();
}

#[test]
fn a_settle_that_reads_the_disk_while_the_engine_closes_settles_nothing_more() {
    let (rig, opened, settlement) = cold();
    let parts = Arc::clone(&opened.parts);
    put(&parts, &[message("t", "0")]);
    let plain = crate::rig::ending(take(&parts, Kind::Async, 1)[0].lease, Outcome::Done);
    rig.gate.shut_for("settler");
    let batch = vec![settlement, plain];
    let settler = Builder::new().name("settler".to_owned()).spawn(move || settle(&parts, batch)).unwrap();
    rig.gate.wait_until_reached();
    opened.close().unwrap();
    let durable = opened.parts.durable();
    rig.gate.open();
    let settled = settler.join().unwrap();
    assert!(matches!(settled, Err(Error::Closed(_))), "{settled:?}");
    assert_eq!(opened.parts.committed(), durable, "a commit that nobody is going to write");
}
