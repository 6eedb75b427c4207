//! What leaves the cache when it is full, and what it knows.

use super::{item, name};
use crate::state::cache::Cache;
use crate::state::{ABSENT, Item, Key};

/// A key of the tests costs 200 bytes by itself, 3 for its names and 97 for its value.
const COST: usize = 300;

/// A cache that holds exactly the items 00, 01 .. of group "g".
fn full(count: usize) -> Cache {
    let mut cache = Cache::new(count * COST);
    for number in 0..count {
        put(&mut cache, &format!("{number:02}"));
    }
    cache
}

fn put(cache: &mut Cache, key: &str) {
    cache.put(&name("g"), &name(key), item(1, &"x".repeat(97)));
}

fn key(key: &str) -> Key {
    (name("g"), name(key))
}

fn kept(cache: &mut Cache, count: usize) -> Vec<String> {
    let keys = (0..count).map(|number| format!("{number:02}"));
    keys.filter(|key| cache.find("g", key).is_some()).collect()
}

#[test]
fn a_full_cache_keeps_everything() {
    let mut cache = full(4);
    cache.evict(&[]);
    assert_eq!(cache.bytes(), 4 * COST);
    assert_eq!(kept(&mut cache, 4), ["00", "01", "02", "03"]);
}

#[test]
fn what_was_not_used_for_longest_goes_first_and_no_more_than_must() {
    let mut cache = full(4);
    cache.find("g", "00");
    put(&mut cache, "04");
    cache.evict(&[]);
    assert_eq!(kept(&mut cache, 5), ["00", "02", "03", "04"]);
    assert_eq!(cache.bytes(), 4 * COST);
}

#[test]
fn a_put_of_what_is_there_is_a_use() {
    let mut cache = full(4);
    put(&mut cache, "00");
    put(&mut cache, "04");
    cache.evict(&[]);
    assert_eq!(kept(&mut cache, 5), ["00", "02", "03", "04"]);
}

#[test]
fn what_is_dirty_or_asked_for_stays() {
    let mut cache = full(4);
    cache.touch("g", "00", 1);
    put(&mut cache, "04");
    cache.evict(&[key("01")]);
    assert_eq!(kept(&mut cache, 5), ["00", "01", "03", "04"]);
}

#[test]
fn what_is_dirty_stays_beyond_the_limit_until_it_is_durable() {
    let mut cache = Cache::new(0);
    put(&mut cache, "00");
    cache.touch("g", "00", 1);
    cache.touch("g", "00", 2);
    cache.published([(1, &[key("00")][..])]);
    assert_eq!(kept(&mut cache, 1), ["00"]); // commit 2 wrote it too
    assert_eq!(cache.changed_in("g").len(), 1);
    cache.published([(2, &[key("00")][..])]);
    assert_eq!(kept(&mut cache, 1), [""; 0]);
    assert_eq!(cache.changed_in("g"), []);
    assert_eq!(cache.bytes(), 0);
}

#[test]
fn a_cache_from_which_something_went_is_not_complete_any_more() {
    let mut cache = full(4);
    cache.completed();
    cache.evict(&[]);
    assert_eq!((cache.is_complete(), cache.changes()), (true, 0));
    assert_eq!(cache.find("g", "none"), Some(&ABSENT));
    put(&mut cache, "04");
    cache.evict(&[]);
    assert_eq!((cache.is_complete(), cache.changes()), (false, 1));
    assert_eq!(cache.find("g", "none"), None);
}

#[test]
fn what_is_gone_for_good_takes_no_room_in_a_complete_cache() {
    for complete in [true, false] {
        let mut cache = Cache::new(10 * COST);
        if complete {
            cache.completed();
        }
        cache.put(&name("g"), &name("00"), ABSENT.clone());
        cache.touch("g", "00", 1);
        assert_eq!(cache.bytes(), 203);
        cache.published([(1, &[key("00")][..])]);
        assert_eq!(cache.bytes(), if complete { 0 } else { 203 });
        assert_eq!(cache.find("g", "00"), Some(&ABSENT));
    }
}

#[test]
fn a_cleared_group_is_gone_with_what_is_dirty_in_it() {
    let mut cache = full(4);
    cache.put(&name("h"), &name("00"), item(9, "1"));
    cache.touch("g", "00", 1);
    cache.clear(&name("g"), 2);
    assert_eq!(kept(&mut cache, 4), [""; 0]);
    assert_eq!((cache.is_cleared("g"), cache.is_cleared("h"), cache.changes()), (true, false, 1));
    assert_eq!(cache.dirty_groups().count(), 0);
    put(&mut cache, "00");
    cache.touch("g", "00", 3);
    cache.published([(1, &[key("00")][..]), (2, &[][..])]);
    assert_eq!(cache.changed_in("g").len(), 1); // of commit 3
    assert_eq!((cache.is_cleared("g"), cache.changes()), (false, 2));
    assert!(cache.find("h", "00").is_some());
}

#[test]
fn what_is_known_of_a_group_comes_in_pages_like_those_of_a_store() {
    let mut cache = Cache::new(usize::MAX);
    for id in [5, 1, 4, 2, 3] {
        cache.put(&name("g"), &name(&format!("k{id}")), item(id, "1"));
    }
    cache.put(&name("g"), &name("expired"), Item { expires: Some(100), ..item(6, "1") });
    cache.put(&name("g"), &name("gone"), ABSENT.clone());
    cache.put(&name("h"), &name("other"), item(7, "1"));
    let ids = |start, limit| cache.known_in("g", start, 100, limit).iter().map(|(_, i)| i.id).collect::<Vec<_>>();
    assert_eq!(ids(0, None), [1, 2, 3, 4, 5]);
    assert_eq!(ids(0, Some(2)), [1, 2]);
    assert_eq!(ids(2, Some(2)), [3, 4]);
    assert_eq!(ids(4, Some(2)), [5]);
    assert_eq!(ids(0, Some(0)), [0; 0]);
    assert_eq!(cache.known_in("g", 0, 99, None).len(), 6);
    assert_eq!(cache.known_in("none", 0, 0, None), []);
    assert_eq!(cache.known_groups().count(), 2);
}

#[test]
fn a_sweep_drops_what_is_expired_and_durable() {
    let mut cache = Cache::new(usize::MAX);
    cache.completed();
    for (key, expires) in [("a", Some(10)), ("b", Some(20)), ("c", None), ("dirty", Some(5)), ("renewed", Some(5))] {
        cache.put(&name("g"), &name(key), Item { expires, ..item(1, "1") });
    }
    cache.touch("g", "dirty", 1);
    cache.put(&name("g"), &name("renewed"), item(1, "1"));
    let before = cache.bytes();
    cache.sweep(9);
    assert_eq!((cache.bytes(), cache.changes()), (before, 0));
    cache.sweep(10);
    assert_eq!((cache.bytes(), cache.changes()), (before - 203, 1));
    assert_eq!(cache.find("g", "a"), Some(&ABSENT));
    cache.published([(1, &[key("dirty")][..])]);
    cache.sweep(30);
    let mut known: Vec<_> = cache.known_in("g", 0, 0, None).into_iter().map(|(key, _)| key).collect();
    known.sort_unstable();
    assert_eq!(known, [name("c"), name("renewed")]);
    assert!(cache.is_complete());
}
