//! Disks that fail, wait, or see the process die.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use motia_core::job::Record;
use motia_core::store::faulty::{Faults, FaultyStore, Point};
use motia_core::store::{SqliteStore, Store, StoreError, rows};

use crate::rig::{Rig, deletes, ids, inserts, job};

const DEADLINE: Duration = Duration::from_secs(30);

fn until(fact: impl Fn() -> bool) {
    let started = Instant::now();
    while !fact() {
        assert!(started.elapsed() < DEADLINE, "it did not happen");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn faulty(store: SqliteStore) -> (FaultyStore, Arc<Faults>) {
    let faults = Arc::new(Faults::default());
    (FaultyStore::new(store, faults.clone()), faults)
}

fn waiting(store: &dyn Store) -> Vec<i64> {
    ids(&rows::waiting(&store.reader().unwrap()).unwrap())
}

#[test]
fn a_fault_fails_one_group_with_its_code_and_nothing_of_it_is_kept() {
    let rig = Rig::new();
    let (store, faults) = faulty(rig.begun());
    faults.break_with([rusqlite::ffi::SQLITE_IOERR_FSYNC]);
    match store.commit(&[inserts(1, [job(1)])]).unwrap_err() {
        StoreError::Sqlite(error) => {
            assert_eq!(error.sqlite_error().unwrap().extended_code, rusqlite::ffi::SQLITE_IOERR_FSYNC);
            assert!(error.to_string().contains("injected fault"));
        }
        other => panic!("{other:?}"),
    }
    store.commit(&[inserts(2, [job(2)])]).unwrap();
    assert_eq!(waiting(&store), [2]);
    assert_eq!((faults.arrived(), faults.groups()), (1, 1));
}

#[test]
fn a_held_disk_takes_nothing_until_it_is_let_go() {
    let rig = Rig::new();
    let (store, faults) = faulty(rig.begun());
    faults.hold();
    std::thread::scope(|scope| {
        scope.spawn(|| store.commit(&[inserts(1, [job(1)])]).unwrap());
        until(|| faults.arrived() == 1);
        assert_eq!(faults.groups(), 0);
        assert_eq!(waiting(&store), [0_i64; 0]);
        assert!(faults.is_held());
        faults.let_go();
    });
    assert_eq!((faults.groups(), waiting(&store)), (1, vec![1]));
}

#[test]
fn a_disk_that_is_really_full_keeps_nothing_of_the_group() {
    let rig = Rig::new();
    let (store, _) = faulty(rig.begun());
    store.commit(&[inserts(1, [job(1)])]).unwrap();
    let pages = store.limit_pages(1).unwrap(); // as many as there are
    let many = (2..2_000).map(job);
    match store.commit(&[inserts(2, many)]).unwrap_err() {
        StoreError::Sqlite(error) => assert_eq!(error.to_string(), "database or disk is full"),
        other => panic!("{other:?}"),
    }
    assert_eq!(waiting(&store), [1]);
    assert_eq!(store.meta().unwrap().commit, 1);
    store.limit_pages(pages * 100).unwrap();
    store.commit(&[inserts(3, [job(3)])]).unwrap();
    assert_eq!(waiting(&store), [1, 3]);
}

#[test]
fn a_file_that_another_program_locks_holds_commits_up_and_a_line_says_so() {
    let rig = Rig::new();
    let store = rig.begun();
    let stranger = rig.stranger();
    stranger.execute_batch("BEGIN IMMEDIATE").unwrap();
    std::thread::scope(|scope| {
        let stranger = stranger; // whose lock ends if this fails
        scope.spawn(|| store.commit(&[inserts(1, [job(1)])]).unwrap());
        let mut told = Vec::new();
        let started = Instant::now();
        while told.is_empty() {
            assert!(started.elapsed() < DEADLINE, "nobody said so");
            std::thread::sleep(Duration::from_millis(5));
            told.extend(rig.log.drain().map(|(_, text)| text));
        }
        let path = rig.path();
        assert_eq!(told, [format!("{} is locked by another program; commits wait for it", path.display())]);
        stranger.execute_batch("ROLLBACK").unwrap();
    });
    assert_eq!(waiting(&store), [1]);
}

#[test]
fn what_is_tidied_between_groups_can_wait_for_a_program_that_locks_the_file() {
    let rig = Rig::new();
    let store = rig.begun();
    let large = Record { payload: vec![b'x'; 10_000].into(), ..job(0) };
    store.commit(&[inserts(1, (1..=1_000).map(|id| Record { id, ..large.clone() })), deletes(1, 1..=1_000)]).unwrap();
    let before = store.sizes().unwrap();
    let stranger = rig.stranger();
    stranger.execute_batch("BEGIN IMMEDIATE").unwrap();
    for _ in 0..64 {
        store.checkpoint().unwrap();
    }
    assert_eq!(store.sizes().unwrap().free_pages, before.free_pages);
    stranger.execute_batch("ROLLBACK").unwrap();
    for _ in 0..64 {
        store.checkpoint().unwrap();
    }
    assert!(store.sizes().unwrap().free_pages < before.free_pages);
}

#[test]
fn a_shell_that_reads_holds_nothing_up() {
    let rig = Rig::new();
    let store = rig.begun();
    let stranger = rig.stranger();
    stranger.execute_batch("BEGIN; SELECT * FROM meta").unwrap();
    store.commit(&[inserts(1, [job(1)])]).unwrap();
    assert_eq!(waiting(&store), [1]);
}

// ---------------------------------------------------------------- deaths

const PLACE: &str = "MOTIA_FAST_TEST_DIES_IN";

/// Is started as a process of its own by the test below, and killed there.
#[test]
#[ignore = "dies"]
fn a_process_that_dies() {
    let told = std::env::var(PLACE).unwrap();
    let (point, path) = told.split_once('|').unwrap();
    let store = SqliteStore::open(Some(path.as_ref()), motia_core::settings::Durability::Sync, Arc::default()).unwrap();
    let (store, faults) = faulty(store);
    faults.kill_at(Point::named(point).unwrap(), 3);
    for number in 1..=9 {
        store.commit(&[inserts(number, [job(number)])]).unwrap();
    }
}

#[test]
fn a_process_dies_where_it_is_told_and_leaves_what_was_synced() {
    let points = [
        ("before a commit", vec![1, 2]),
        ("in a commit, all of it written", vec![1, 2]),
        ("after a commit, before it is published", vec![1, 2, 3]),
    ];
    for (point, left) in points {
        let rig = Rig::new();
        let died = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "faults::a_process_that_dies", "--ignored"])
            .env(PLACE, format!("{point}|{}", rig.path().display()))
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert_eq!(died.code(), None, "{point}: a signal ended it");
        assert_eq!(waiting(&rig.open()), left, "{point}");
    }
}
