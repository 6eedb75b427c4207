//! Pages: the store's rows, with what memory knows laid over them.

use std::sync::Arc;

use super::{item, name};
use crate::state::page::Overlay;
use crate::state::{ABSENT, Item};

fn rows(entries: &[(&str, i64)]) -> Vec<(Arc<str>, Item)> {
    entries.iter().map(|(key, id)| (name(key), item(*id, "1"))).collect()
}

fn keys(overlay: Overlay, stored: Vec<(Arc<str>, Item)>, start: i64, limit: Option<usize>) -> Vec<Arc<str>> {
    overlay.page(stored, start, limit).into_iter().map(|found| found.key).collect()
}

fn overlay(dirty: Vec<(Arc<str>, Item)>) -> Overlay {
    Overlay { now: 100, dirty, is_cleared: false }
}

#[test]
fn rows_come_as_they_are_where_nothing_is_dirty() {
    let stored = rows(&[("b", 1), ("a", 2), ("c", 3)]);
    assert_eq!(keys(overlay(vec![]), stored.clone(), 0, None), [name("b"), name("a"), name("c")]);
    assert_eq!(keys(overlay(vec![]), stored.clone(), 0, Some(2)), [name("b"), name("a")]);
    assert!(keys(overlay(vec![]), stored, 0, Some(0)).is_empty());
}

#[test]
fn dirty_items_replace_rows_and_join_them_in_order() {
    let dirty = vec![
        (name("new"), item(9, "1")),
        (name("changed"), item(2, "2")),
        (name("deleted"), ABSENT.clone()),
        (name("made again"), item(8, "1")),
        (name("before"), item(1, "2")),
    ];
    let stored = rows(&[("changed", 2), ("deleted", 3), ("made again", 4), ("kept", 5)]);
    let page = overlay(dirty.clone()).page(stored.clone(), 1, None);
    let found: Vec<_> = page.iter().map(|found| (&*found.key, &*found.value)).collect();
    assert_eq!(found, [("changed", &b"2"[..]), ("kept", b"1"), ("made again", b"1"), ("new", b"1")]);
    assert_eq!(keys(overlay(dirty), stored, 1, Some(3)), [name("changed"), name("kept"), name("made again")]);
}

#[test]
fn what_has_expired_is_left_out_before_the_limit_counts() {
    let expired = |id| Item { expires: Some(100), ..item(id, "1") };
    let dirty = vec![(name("late"), expired(1)), (name("live"), Item { expires: Some(101), ..item(3, "1") })];
    let stored = vec![(name("stored late"), expired(2)), (name("last"), item(4, "1"))];
    assert_eq!(keys(overlay(dirty), stored, 0, Some(1)), [name("live")]);
}

#[test]
fn the_rows_of_a_cleared_group_are_gone() {
    let cleared = Overlay { now: 0, dirty: vec![(name("new"), item(9, "1"))], is_cleared: true };
    assert_eq!(keys(cleared, rows(&[("old", 1)]), 0, None), [name("new")]);
}

#[test]
fn a_page_asks_for_a_row_more_for_each_that_may_be_replaced() {
    let overlay = overlay(vec![(name("a"), item(7, "1")), (name("gone"), ABSENT.clone())]);
    assert_eq!((overlay.rows(Some(5)), overlay.rows(None)), (Some(7), None));
    assert_eq!((overlay.id_of("a"), overlay.id_of("gone"), overlay.id_of("b")), (Some(7), Some(0), None));
}
