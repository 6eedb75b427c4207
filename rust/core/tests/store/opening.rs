//! Whose file it is, and what is found in it.

use std::sync::Arc;

use motia_core::error::Error;
use motia_core::job::Place;
use motia_core::settings::Durability;
use motia_core::store::jobs::{self, Which};
use motia_core::store::{Meta, SqliteStore, Store, StoreError, load, parked, rows, schema, state};

use crate::rig::{Rig, ids, in_place, inserts, job, write};

fn refused(rig: &Rig) -> Error {
    rig.try_open().err().expect("it was opened")
}

fn assert_corrupt(rig: &Rig, what: &str) {
    match refused(rig) {
        Error::StoreCorrupt(text) => assert!(text.contains("engine.db") && text.contains(what), "{text}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_new_file_begins_with_the_numbers_of_the_format() {
    let rig = Rig::new();
    let store = rig.open();
    assert_eq!(store.meta().unwrap(), Meta { commit: 0, next_id: 1, boot: 0, clean: true });
    store.close();
    let pragma = |name: &str| -> i64 { rig.stranger().pragma_query_value(None, name, |row| row.get(0)).unwrap() };
    assert_eq!(pragma("user_version"), schema::FORMAT);
    assert_eq!(pragma("application_id"), schema::APPLICATION_ID);
    assert_eq!((pragma("page_size"), pragma("auto_vacuum")), (4_096, 2));
    let mode: String = rig.stranger().pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
    assert_eq!(mode, "wal");
}

#[test]
fn beginning_counts_the_boot_and_reserves_ids_and_finishing_says_so() {
    let rig = Rig::new();
    let store = rig.open();
    store.begin(&store.meta().unwrap(), 100, &[], 0).unwrap();
    assert_eq!(store.meta().unwrap(), Meta { commit: 0, next_id: 101, boot: 1, clean: false });
    store.finish(7).unwrap();
    store.close();
    assert_eq!(rig.open().meta().unwrap(), Meta { commit: 7, next_id: 101, boot: 1, clean: true });
}

#[test]
fn jobs_that_ran_in_a_crash_count_it_and_are_due() {
    let rig = Rig::new();
    let store = rig.begun();
    let dead = in_place(job(3), Place::Dead, Some(5));
    store.commit(&[inserts(1, [job(1), job(2), dead])]).unwrap();
    store.begin(&store.meta().unwrap(), 1, &[2, 3, 99], 44).unwrap();
    let found = rows::waiting(&store.reader().unwrap()).unwrap();
    assert_eq!(ids(&found), [1, 2]);
    assert_eq!((found[1].crashes, found[1].place, found[1].due), (1, Place::Scheduled, Some(44)));
}

#[test]
fn somebody_else_s_database_is_refused_and_not_touched() {
    let rig = Rig::new();
    rig.stranger().execute_batch("CREATE TABLE theirs(x)").unwrap();
    let before = std::fs::read(rig.path()).unwrap();
    assert_corrupt(&rig, "not one of motia_fast; it was not touched");
    assert_eq!(std::fs::read(rig.path()).unwrap(), before);
}

#[test]
fn a_file_that_is_no_database_is_refused_and_not_touched() {
    let header_only = [&b"SQLite format 3\0"[..], &[0xFF; 9_000]].concat();
    for content in ["not a database\n".repeat(1_000).as_bytes(), &[0; 8_192], &header_only] {
        let rig = Rig::new();
        write(&rig.path(), content);
        assert_corrupt(&rig, "damaged or not a database");
        assert_eq!(std::fs::read(rig.path()).unwrap(), content);
    }
}

#[test]
fn a_file_that_was_cut_off_is_refused() {
    let rig = Rig::new();
    rig.begun().close();
    let whole = std::fs::read(rig.path()).unwrap();
    for (length, what) in [(whole.len() - 100, "was cut off"), (whole.len() / 2, "is damaged"), (5_000, "is damaged")] {
        write(&rig.path(), &whole[..length]);
        assert_corrupt(&rig, what);
    }
}

#[test]
fn a_newer_format_is_refused_with_both_numbers_unless_it_says_that_this_one_may_read_it() {
    let rig = Rig::new();
    rig.open().close();
    rig.stranger().execute_batch("PRAGMA user_version = 99; UPDATE meta SET v = 99 WHERE k = 'min_reader'").unwrap();
    match refused(&rig) {
        Error::FormatTooNew { path, found, supported } => {
            assert_eq!((path, found, supported), (rig.path(), 99, schema::FORMAT));
        }
        other => panic!("{other:?}"),
    }
    rig.stranger().execute_batch("UPDATE meta SET v = 1 WHERE k = 'min_reader'").unwrap();
    rig.open();
}

/// The file that every engine must read: `tests/contract/fixtures/make_format_1.py` tells what is in it.
#[test]
fn the_fixture_of_format_1_is_read() {
    let rig = Rig::new();
    std::fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/contract/fixtures/format-1.db"), rig.path())
        .unwrap();
    let store = rig.open();
    let reader = store.reader().unwrap();
    let all = jobs::page(&reader, &Which::default(), 0, 1_000).unwrap();
    let dead: Vec<_> = all.iter().filter(|job| job.place == Place::Dead).collect();
    let texts: Vec<_> = all.iter().map(|job| String::from_utf8_lossy(&job.payload)).collect();
    for payload in ["\"delayed\"", "\"failed once\"", "\"keyed\"", "\"orphan\"", "\"dead\""] {
        assert!(texts.iter().any(|text| text == payload), "{payload} is not among {texts:?}");
    }
    let errors = jobs::attempts(&reader, dead[0].id).unwrap();
    assert_eq!((errors[0].error.kind.as_str(), errors[1].error.reason.as_str()), ("ValueError", "invalid_payload"));
    assert_eq!(&*parked::page(&reader, 0, 0, 9).unwrap()[0].payload, b"\"parked\"");
    assert_eq!(state::read(&reader, "größe", "ключ").unwrap().unwrap().version, 1);
    assert_eq!(load::schedules(&reader).unwrap()[0].zone, "Europe/Berlin");
    assert!(load::names(&reader).unwrap().iter().any(|(_, name)| name == "gone/old"));
}

#[test]
fn an_empty_file_of_a_killed_first_start_is_made_anew() {
    let rig = Rig::new();
    write(&rig.path(), b"");
    assert_eq!(rig.open().meta().unwrap().boot, 0);
}

#[test]
fn a_directory_that_is_not_there_is_unusable() {
    let path = Rig::new().dir.path().join("gone").join("engine.db");
    let error = SqliteStore::open(Some(&path), Durability::Sync, Arc::default()).err().unwrap();
    let text = error.to_string();
    assert!(matches!(error, Error::DataDirUnusable(_)), "{text}");
    assert!(text.contains(&path.display().to_string()) && text.contains("--data-dir"), "{text}");
}

#[test]
fn a_file_may_have_any_name() {
    for name in [":memory:", "file:engine.db?mode=memory", "%20 'dä\"ta' \\?#"] {
        let dir = Rig::new().dir;
        let path = dir.path().join(name);
        SqliteStore::open(Some(&path), Durability::Sync, Arc::default()).unwrap().close();
        assert!(path.metadata().unwrap().len() > 0, "{name}");
    }
}

#[test]
fn a_column_that_holds_what_no_engine_wrote_is_damage() {
    let rig = Rig::new();
    let store = rig.begun();
    store.commit(&[inserts(1, [job(1)])]).unwrap();
    rig.stranger().execute_batch("UPDATE job SET sub = 'x'").unwrap();
    let error = StoreError::from(rows::waiting(&store.reader().unwrap()).unwrap_err());
    assert!(matches!(motia_core::store::opening_error(store.path(), &error), Error::StoreCorrupt(_)));
}
