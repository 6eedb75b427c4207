//! Planned writes: what they do, in which order they are refused, and that nothing changes before they are kept.

use super::{bytes, item, name};
use crate::commit::{Commit, Operation};
use crate::error::Error;
use crate::state::cache::Cache;
use crate::state::plan::{Plan, PlanContext, Planned, keep, plan};
use crate::state::{Item, StateWrite};
use crate::update::{OpKind, UpdateOp};

fn write(key: &str) -> StateWrite {
    StateWrite {
        group: name("g"),
        key: name(key),
        value: None,
        ops: vec![],
        delete: false,
        ttl: None,
        expected_version: None,
    }
}

fn set(key: &str, value: &str) -> StateWrite {
    StateWrite { value: Some(bytes(value)), ..write(key) }
}

fn delete(key: &str) -> StateWrite {
    StateWrite { delete: true, ..write(key) }
}

fn increment(key: &str) -> StateWrite {
    StateWrite { ops: vec![UpdateOp { kind: OpKind::Increment, path: vec![], value: None }], ..write(key) }
}

/// An empty complete cache.
fn empty() -> Cache {
    let mut cache = Cache::new(1_000_000);
    cache.completed();
    cache
}

/// Plans at 1,000,000 µs with values to 100 bytes; ids start at 50.
fn planned(cache: &mut Cache, writes: &[StateWrite]) -> Result<Plan, Error> {
    let mut next = 50..;
    let mut take_id = || next.next().expect("ids do not end");
    plan(cache, writes, &mut PlanContext { now: 1_000_000, max_value: 100, take_id: &mut take_id })
}

fn ready(cache: &mut Cache, writes: &[StateWrite]) -> Planned {
    match planned(cache, writes) {
        Ok(Plan::Ready(planned)) => planned,
        other => panic!("not ready: {other:?}"),
    }
}

fn done(cache: &mut Cache, commit: i64, writes: &[StateWrite]) -> Planned {
    let planned = ready(cache, writes);
    keep(cache, &planned.changes, commit);
    planned
}

#[test]
fn a_set_tells_what_was_and_what_is() {
    let mut cache = empty();
    let first = done(&mut cache, 1, &[set("k", "1")]).changes[0].view();
    let second = done(&mut cache, 2, &[set("k", "2")]).changes[0].view();
    assert_eq!((first.old, first.new, first.version), (None, Some(bytes("1")), 1));
    assert_eq!((second.old, second.new, second.version), (Some(bytes("1")), Some(bytes("2")), 2));
    assert_eq!(cache.find("g", "k"), Some(&Item { id: 50, value: Some(bytes("2")), version: 2, expires: None }));
}

#[test]
fn a_delete_tells_the_version_that_was() {
    let mut cache = empty();
    done(&mut cache, 1, &[set("k", "1"), set("k", "2")]);
    let gone = done(&mut cache, 2, &[delete("k")]).changes[0].view();
    assert_eq!((gone.old, gone.new, gone.version), (Some(bytes("2")), None, 2));
    let nothing = ready(&mut cache, &[delete("k")]);
    assert_eq!((nothing.changes[0].view().old, nothing.changes[0].view().version), (None, 0));
    assert!(nothing.operations.is_empty()); // there is no row; the key still counts as written
    assert_eq!(nothing.keys, [(name("g"), name("k"))]);
}

#[test]
fn nothing_changes_before_it_is_kept() {
    let mut cache = empty();
    let planned = ready(&mut cache, &[set("k", "1")]);
    assert_eq!(cache.find("g", "k").and_then(|found| found.value.clone()), None);
    assert_eq!((cache.bytes(), cache.dirty_groups().count()), (0, 0));
    keep(&mut cache, &planned.changes, 1);
    assert_eq!(cache.changed_in("g").len(), 1);
}

#[test]
fn later_writes_see_earlier_ones() {
    let mut cache = empty();
    let planned = done(&mut cache, 1, &[set("k", "1"), increment("k"), set("other", "7"), delete("k"), increment("k")]);
    let seen: Vec<_> = planned.changes.iter().map(|change| (change.view().old, change.view().version)).collect();
    let expected = [(None, 1), (Some(bytes("1")), 2), (None, 1), (Some(bytes("2")), 2), (None, 1)];
    assert_eq!(seen, expected);
    assert_eq!(cache.find("g", "k").map(|found| found.id), Some(52)); // of an item that was made again
}

#[test]
fn a_commit_gets_a_row_for_each_write() {
    let mut cache = empty();
    cache.put(&name("g"), &name("gone"), item(3, "1"));
    let mut planned = ready(&mut cache, &[StateWrite { ttl: Some(2.5), ..set("k", "12345") }, delete("gone")]);
    let mut commit = Commit::default();
    planned.write(&mut commit);
    assert_eq!((commit.count(), commit.bytes), (2, 5));
    assert_eq!(commit.keys, [(name("g"), name("k")), (name("g"), name("gone"))]);
    let [Operation::SetState { id, version, expires, value, .. }, Operation::DeleteState { key, .. }] =
        &commit.operations[..]
    else {
        panic!("other operations: {:?}", commit.operations);
    };
    assert_eq!((*id, *version, *expires, value), (50, 1, Some(3_500_000), &bytes("12345")));
    assert_eq!(key, &name("gone"));
    assert_eq!(planned.changes.len(), 2);
}

#[test]
fn a_cold_key_plans_nothing() {
    let mut cache = Cache::new(1_000);
    cache.put(&name("g"), &name("warm"), item(1, "1"));
    assert!(matches!(planned(&mut cache, &[set("warm", "2"), set("cold", "2")]), Ok(Plan::Cold)));
    assert_eq!(cache.find("g", "warm"), Some(&item(1, "1")));
}

#[test]
fn what_is_wrong_with_an_earlier_write_is_told_before_a_cold_key() {
    let mut cache = Cache::new(1_000);
    cache.put(&name("g"), &name("warm"), item(1, "1"));
    let wrong = StateWrite { expected_version: Some(9), ..set("warm", "2") };
    assert!(matches!(planned(&mut cache, &[wrong, set("cold", "2")]), Err(Error::VersionConflict { .. })));
}

#[test]
fn the_version_is_checked_first_then_names_then_the_size() {
    let mut cache = empty();
    done(&mut cache, 1, &[set("k", r#""text""#)]);
    let long = "é".repeat(257);
    let big = "1".repeat(101);
    let table = [
        (
            StateWrite { expected_version: Some(2), ..set("k", &big) },
            "state g/k has version 1, expected 2; read it again and retry".to_owned(),
        ),
        (
            StateWrite { expected_version: Some(1), ..set(&long, "1") },
            format!("state g/{long} has version 0, expected 1; read it again and retry"),
        ),
        (set(&long, &big), format!("state: '{}'.. has 514 bytes, more than the 512 of a group or key", "é".repeat(40))),
        (delete(&long), format!("state: '{}'.. has 514 bytes, more than the 512 of a group or key", "é".repeat(40))),
        (set("k", &big), "state g/k: 101 bytes, more than max_value=100".to_owned()),
        (
            increment("k"),
            r#"state g/k: operation 1 ("increment" at the value itself): there is a string, not a number"#.to_owned(),
        ),
        (write("new"), "state g/new: the update leaves no value; use delete to remove an item".to_owned()),
    ];
    for (wrong, expected) in table {
        assert_eq!(planned(&mut cache, &[wrong]).expect_err("refused").to_string(), expected);
    }
    let group = StateWrite { group: name(&long), ..set(&long, "1") };
    assert!(planned(&mut cache, &[group]).is_err());
    ready(&mut cache, &[set(&"é".repeat(256), &"1".repeat(100))]);
}

#[test]
fn a_set_starts_the_time_anew_and_an_update_leaves_it() {
    let mut cache = empty();
    let brief = done(&mut cache, 1, &[StateWrite { ttl: Some(60.0), ..set("k", "1") }]);
    assert_eq!(brief.soonest, Some(61_000_000));
    let updated = done(&mut cache, 2, &[increment("k")]);
    assert_eq!((updated.changes[0].item.expires, updated.soonest), (Some(61_000_000), None));
    let longer = done(&mut cache, 3, &[StateWrite { ttl: Some(90.0), ..increment("k") }]);
    assert_eq!(longer.changes[0].item.expires, Some(91_000_000));
    let lasting = done(&mut cache, 4, &[set("k", "1")]);
    assert_eq!(lasting.changes[0].item.expires, None);
    let several =
        [("a", 9.0), ("b", 3.0), ("c", f64::INFINITY)].map(|(k, ttl)| StateWrite { ttl: Some(ttl), ..set(k, "1") });
    assert_eq!(ready(&mut cache, &several).soonest, Some(4_000_000));
}

#[test]
fn an_item_whose_time_is_over_counts_as_not_existing() {
    let mut cache = empty();
    cache.put(&name("g"), &name("k"), Item { version: 7, expires: Some(1_000_000), ..item(1, "41") });
    let again = StateWrite { expected_version: Some(0), ..increment("k") };
    let planned = ready(&mut cache, &[again]);
    let view = planned.changes[0].view();
    assert_eq!((view.old, view.new, view.version), (None, Some(bytes("1")), 1));
    assert_eq!((planned.changes[0].item.id, planned.changes[0].item.expires), (50, None));
}
