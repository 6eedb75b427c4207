//! What readers see: a moment, rows in their order, and only what they asked for.

use std::ops::ControlFlow;

use motia_core::commit::{Operation, Parked};
use motia_core::error::Error;
use motia_core::job::{Place, Record};
use motia_core::store::jobs::{self, Which};
use motia_core::store::load::{self, ScheduleRow};
use motia_core::store::{Store, StoreError, parked, rows, state};

use crate::rig::{Rig, bytes, deletes, failed, failure, ids, in_memory, in_place, inserts, job, writes};

// ---------------------------------------------------------------- moments

#[test]
fn a_reader_sees_the_moment_in_which_it_was_made() {
    let rig = Rig::new();
    let store = rig.begun();
    store.commit(&[inserts(1, [job(1)])]).unwrap();
    let before = store.reader().unwrap();
    store.commit(&[inserts(2, [job(2)])]).unwrap();
    let after = store.reader().unwrap();
    assert_eq!(ids(&rows::waiting(&before).unwrap()), [1]);
    assert_eq!(ids(&rows::waiting(&after).unwrap()), [1, 2]);
    drop(before);
    assert_eq!(ids(&rows::waiting(&store.reader().unwrap()).unwrap()), [1, 2]);
}

#[test]
fn a_reader_cannot_write() {
    let rig = Rig::new();
    let store = rig.begun();
    assert!(store.reader().unwrap().execute_batch("DELETE FROM meta").is_err());
}

#[test]
fn a_store_in_memory_reads_what_it_wrote() {
    let store = in_memory();
    store.commit(&[inserts(1, [job(1)])]).unwrap();
    assert_eq!(ids(&rows::waiting(&store.reader().unwrap()).unwrap()), [1]);
    store.checkpoint().unwrap();
    assert_eq!(store.sizes().unwrap().database, 0);
    assert_eq!(store.path(), None);
}

#[test]
fn after_close_everybody_is_told() {
    let rig = Rig::new();
    for store in [rig.begun(), in_memory()] {
        store.close();
        store.close();
        assert!(matches!(store.reader(), Err(StoreError::Closed)));
        let error = store.commit(&[inserts(1, [job(1)])]).unwrap_err();
        assert!(matches!(Error::from(error), Error::Closed(text) if text == "the engine is closed"));
    }
}

#[test]
fn the_last_reader_of_a_closed_store_empties_the_wal() {
    let rig = Rig::new();
    let store = rig.begun();
    store.commit(&[inserts(1, [job(1)])]).unwrap();
    let reader = store.reader().unwrap();
    store.close();
    assert_eq!(ids(&rows::waiting(&reader).unwrap()), [1]);
    drop(reader);
    assert!(!rig.dir.path().join("engine.db-wal").exists());
}

// ---------------------------------------------------------------- jobs

/// Two lanes of subscription 1, scheduled jobs, a dead one with two failures, and one of subscription 2.
fn stocked() -> (Rig, impl Store) {
    let rig = Rig::new();
    let store = rig.begun();
    let spilled = |id| in_place(job(id), Place::Spilled, None);
    let scheduled = |id, due| in_place(job(id), Place::Scheduled, Some(due));
    let jobs = [
        job(1),
        spilled(2),
        spilled(3),
        Record { priority: 9, ..spilled(4) },
        spilled(5),
        scheduled(6, 300),
        scheduled(7, 200),
        scheduled(8, 200),
        in_place(job(9), Place::Dead, Some(50)),
        Record { sub: 2, ..job(10) },
    ];
    let failures = [failed(9, 40, "first"), failed(9, 50, "second"), failed(7, 60, "again")];
    store.commit(&[inserts(1, jobs), writes(2, failures)]).unwrap();
    (rig, store)
}

#[test]
fn rows_come_back_as_they_were_written() {
    let (_rig, store) = stocked();
    let reader = store.reader().unwrap();
    let found = rows::waiting(&reader).unwrap();
    assert_eq!(ids(&found), [1, 10]);
    assert_eq!((found[0].message, found[0].priority, found[0].enqueued), (1, 5, 1_001));
    assert_eq!((&*found[0].payload, found[0].meta.len()), (&b"\"payload 1\""[..], 0));
    assert_eq!((found[0].place, found[0].due, found[1].sub), (Place::Window, None, 2));
}

#[test]
fn a_lane_s_spill_is_read_by_id() {
    let (_rig, store) = stocked();
    let reader = store.reader().unwrap();
    assert_eq!(ids(&rows::spilled(&reader, 1, 5, 0, 5).unwrap()), [2, 3]);
    assert_eq!(ids(&rows::spilled(&reader, 1, 5, 2, 100).unwrap()), [3, 5]);
    assert_eq!(load::count_spilled(&reader).unwrap(), [(1, 5, 3), (1, 9, 1)]);
}

#[test]
fn a_refill_is_bounded_by_rows_and_bytes() {
    let (_rig, store) = stocked();
    let reader = store.reader().unwrap();
    let refill = |cursor, count, size| ids(&rows::refill(&reader, (1, 5), cursor, count, size).unwrap());
    assert_eq!(refill(0, 2, 1_000), [2, 3]);
    assert_eq!(refill(2, 9, 1_000), [3, 5]);
    assert_eq!(refill(0, 9, 1), [2], "one row at least, whatever its size");
    assert_eq!(refill(0, 9, 11), [2], "11 bytes, as many as one has");
    assert_eq!(refill(0, 9, 12), [2, 3], "11 bytes are not enough");
}

#[test]
fn scheduled_rows_come_by_their_time_and_then_by_id() {
    let (_rig, store) = stocked();
    let reader = store.reader().unwrap();
    let found = rows::due(&reader, 1, (0, 0), 10).unwrap();
    assert_eq!(ids(&found), [7, 8, 6]);
    assert_eq!(found[0].error.as_deref(), Some(&failure("again")));
    assert_eq!(found[1].error, None);
    assert_eq!(ids(&rows::due(&reader, 1, (200, 8), 1).unwrap()), [8]);
    assert_eq!(load::count_scheduled(&reader).unwrap(), [(1, 3)]);
}

#[test]
fn pages_of_jobs_fit_what_was_asked() {
    let (_rig, store) = stocked();
    let reader = store.reader().unwrap();
    let page = |which: Which<'_>, after, limit| ids(&jobs::page(&reader, &which, after, limit).unwrap());
    assert_eq!(page(Which::default(), 7, 10), [8, 9, 10]);
    assert_eq!(page(Which::default(), 0, 2), [1, 2]);
    assert_eq!(page(Which { ids: Some(&[9, 3, 77]), ..Which::default() }, 0, 10), [3, 9]);
    assert_eq!(page(Which { subs: Some(&[2, 3]), ..Which::default() }, 0, 10), [10]);
    assert_eq!(page(Which { subs: Some(&[]), ..Which::default() }, 0, 10), [0_i64; 0]);
    assert_eq!(page(Which { dead: Some(true), ..Which::default() }, 0, 10), [9]);
    assert_eq!(page(Which { dead: Some(false), subs: Some(&[1]), ids: Some(&[8, 9]) }, 0, 10), [8]);
}

#[test]
fn failures_are_counted_from_one() {
    let (_rig, store) = stocked();
    let found = jobs::attempts(&store.reader().unwrap(), 9).unwrap();
    let told: Vec<_> = found.iter().map(|each| (each.n, each.at, each.error.message.as_str())).collect();
    assert_eq!(told, [(1, 40, "first"), (2, 50, "second")]);
}

#[test]
fn dead_letters_are_counted_without_the_old_and_the_excepted() {
    let (_rig, store) = stocked();
    let reader = store.reader().unwrap();
    assert_eq!(jobs::count_dead(&reader, 49, &[]).unwrap(), [(1, 1)]);
    assert_eq!(jobs::count_dead(&reader, 50, &[]).unwrap(), []);
    assert_eq!(jobs::count_dead(&reader, 0, &[9]).unwrap(), []);
}

// ---------------------------------------------------------------- the rest

#[test]
fn names_and_schedules_are_kept() {
    let store = in_memory();
    let schedule = |last| Operation::Schedule { sub: 1, expression: "* * * * *".into(), zone: "UTC".into(), last };
    store
        .commit(&[writes(
            1,
            [
                Operation::Name { number: 1, text: "a/x".into() },
                Operation::Name { number: 2, text: "b/y".into() },
                Operation::Rename { number: 1, text: "c/x".into() },
                schedule(5),
                schedule(6),
            ],
        )])
        .unwrap();
    let reader = store.reader().unwrap();
    assert_eq!(load::names(&reader).unwrap(), [(1, "c/x".into()), (2, "b/y".into())]);
    let row = ScheduleRow { sub: 1, expression: "* * * * *".into(), zone: "UTC".into(), last: 6 };
    assert_eq!(load::schedules(&reader).unwrap(), [row]);
}

fn set(id: i64, key: &str, expires: Option<i64>) -> Operation {
    Operation::SetState { id, group: "g".into(), key: key.into(), version: 1, expires, value: bytes(&format!("{id}")) }
}

#[test]
fn state_is_read_by_key_by_page_and_whole() {
    let store = in_memory();
    store.commit(&[writes(1, [set(1, "a", None), set(2, "b", Some(50)), set(3, "c", None)])]).unwrap();
    let reader = store.reader().unwrap();
    let read = |key| state::read(&reader, "g", key).unwrap();
    assert_eq!(read("b").map(|item| (item.id, item.version, item.expires)), Some((2, 1, Some(50))));
    assert_eq!(read("none"), None);
    let page = |after, now, limit| -> Vec<String> {
        state::page(&reader, "g", after, now, limit).unwrap().into_iter().map(|(key, _)| key).collect()
    };
    assert_eq!(page(0, 49, None), ["a", "b", "c"]);
    assert_eq!(page(0, 50, None), ["a", "c"]);
    assert_eq!(page(1, 0, Some(1)), ["b"]);
    assert_eq!(state::groups(&reader).unwrap(), ["g"]);
    let mut seen = Vec::new();
    let whole = state::each(&reader, |group, key, item| {
        seen.push(format!("{group}/{key} {}", String::from_utf8_lossy(&item.value)));
        if key == "b" { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert_eq!((whole.unwrap(), seen), (false, vec!["g/a 1".into(), "g/b 2".into()]));
    assert!(state::each(&reader, |_, _, _| ControlFlow::Continue(())).unwrap());
}

fn park(id: i64, until: i64) -> Operation {
    let (options, meta, payload) = (bytes("{}"), bytes(""), bytes("1"));
    Operation::Park(Parked { id, topic: "nowhere".into(), until, options, meta, payload })
}

#[test]
fn parked_messages_are_read_by_page_and_counted() {
    let store = in_memory();
    store.commit(&[writes(1, [park(1, 10), park(2, 20), park(3, 30)])]).unwrap();
    let reader = store.reader().unwrap();
    let page = |after, now, limit| -> Vec<i64> {
        parked::page(&reader, after, now, limit).unwrap().iter().map(|message| message.id).collect()
    };
    assert_eq!(page(0, 10, 10), [2, 3]);
    assert_eq!(page(2, 0, 10), [3]);
    assert_eq!(page(0, 0, 1), [1]);
    assert_eq!(parked::count(&reader, 10, &[3]).unwrap(), 1);
}

#[test]
fn the_next_expiry_is_the_first_of_all_kinds() {
    let store = in_memory();
    let next = |dead_for| load::next_expiry(&store.reader().unwrap(), dead_for).unwrap();
    assert_eq!(next(100), None);
    store.commit(&[writes(1, [park(1, 90), set(2, "a", None), set(3, "b", Some(80))])]).unwrap();
    assert_eq!(next(100), Some(80));
    store.commit(&[inserts(2, [in_place(job(4), Place::Dead, Some(5))])]).unwrap();
    assert_eq!(next(70), Some(75));
    assert_eq!(next(i64::MAX), Some(80));
}

#[test]
fn the_file_shrinks_after_a_burst() {
    let rig = Rig::new();
    let store = rig.begun();
    let large = bytes(&"x".repeat(10_000));
    let burst = (1..=3_000).map(|id| Record { payload: large.clone(), ..job(id) });
    store.commit(&[inserts(1, burst)]).unwrap();
    store.checkpoint().unwrap();
    let full = store.sizes().unwrap().database;
    assert!(full > 30_000_000, "{full}");
    for number in 2..=200 {
        store.commit(&[deletes(number, (number - 2) * 20..(number - 1) * 20)]).unwrap();
        store.checkpoint().unwrap();
    }
    let sizes = store.sizes().unwrap();
    assert!(sizes.database < full / 2 && sizes.wal < 16_000_000, "{sizes:?}");
}
