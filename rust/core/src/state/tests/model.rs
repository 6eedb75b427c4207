//! Random lives of a cache that is far too small, over a store that lags behind, against plain maps.

use std::collections::{BTreeMap, VecDeque};

use proptest::prelude::*;

use super::{bytes, name};
use crate::clock::{Micros, SECOND};
use crate::commit::{Commit, Operation};
use crate::state::cache::Cache;
use crate::state::page::Overlay;
use crate::state::plan::{Plan, PlanContext, keep, plan};
use crate::state::{ABSENT, Item, Key, StateWrite};

const GROUPS: [&str; 2] = ["g", "h"];
const KEYS: [&str; 4] = ["a", "b", "c", "d"];

#[derive(Clone, Debug)]
enum Step {
    /// Each is (key, value or a delete, time to live): one commit.
    Write(Vec<(Key, Option<String>, Option<u8>)>),
    Clear(usize),
    /// So many of the commits become durable.
    Publish(usize),
    /// A loader reads the store..
    Read(Vec<Key>),
    /// ..and brings what it read.
    Loaded,
    Find(Key),
    Page(usize, usize, Option<usize>),
    Advance(u8),
    Sweep,
}

fn keys() -> impl Strategy<Value = Key> {
    (0..GROUPS.len(), 0..KEYS.len()).prop_map(|(group, key)| (name(GROUPS[group]), name(KEYS[key])))
}

fn steps() -> impl Strategy<Value = Step> {
    let write = (keys(), prop::option::weighted(0.8, "[0-9]{0,150}"), prop::option::weighted(0.2, 1..20_u8));
    prop_oneof![
        6 => prop::collection::vec(write, 1..4).prop_map(Step::Write),
        1 => (0..GROUPS.len()).prop_map(Step::Clear),
        4 => (1..4_usize).prop_map(Step::Publish),
        2 => prop::collection::vec(keys(), 1..4).prop_map(Step::Read),
        2 => Just(Step::Loaded),
        4 => keys().prop_map(Step::Find),
        1 => (0..GROUPS.len(), 0..4_usize, prop::option::of(0..KEYS.len())).prop_map(|(g, l, a)| Step::Page(g, l, a)),
        1 => (1..10_u8).prop_map(Step::Advance),
        1 => Just(Step::Sweep),
    ]
}

struct Life {
    cache: Cache,
    limit: usize,
    /// What is durable.
    store: BTreeMap<Key, Item>,
    /// What was written.
    truth: BTreeMap<Key, Item>,
    pending: VecDeque<Commit>,
    /// What a loader read, and how often the cache had changed before.
    reading: Option<(u64, Vec<(Key, Item)>)>,
    now: Micros,
    next_id: i64,
    commits: i64,
}

impl Life {
    /// A cache over a store that has some items; it is complete if the store was read whole.
    fn new(limit: usize, stored: usize, whole: bool) -> Self {
        let all = GROUPS.iter().flat_map(|group| KEYS.map(|key| (name(group), name(key))));
        let item = |id| Item { id, value: Some(bytes("stored")), version: 3, expires: None };
        let store: BTreeMap<_, _> = all.take(stored).zip((1..).map(item)).collect();
        let mut cache = Cache::new(limit);
        if whole {
            for (key, item) in &store {
                cache.put(&key.0, &key.1, item.clone());
            }
            cache.completed();
        }
        let truth = store.clone();
        Self { cache, limit, store, truth, pending: VecDeque::new(), reading: None, now: 0, next_id: 100, commits: 0 }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Write(writes) => self.write(&writes),
            Step::Clear(group) => self.clear(GROUPS[group]),
            Step::Publish(count) => self.publish(count),
            Step::Read(keys) => self.read(&keys),
            Step::Loaded => _ = self.loaded(),
            Step::Find(key) => self.find(&key),
            Step::Page(group, limit, after) => self.page(GROUPS[group], limit, after.map(|place| KEYS[place])),
            Step::Advance(seconds) => self.now += Micros::from(seconds) * SECOND,
            Step::Sweep => self.sweep(),
        }
    }

    fn write(&mut self, writes: &[(Key, Option<String>, Option<u8>)]) {
        let writes: Vec<_> = writes.iter().map(as_write).collect();
        let mut planned = loop {
            match self.plan(&writes) {
                Plan::Ready(planned) => break planned,
                Plan::Cold => self.load(&writes),
            }
        };
        for (write, change) in writes.iter().zip(&planned.changes) {
            let key = (write.group.clone(), write.key.clone());
            let known = self.truth.get(&key).unwrap_or(&ABSENT).at(self.now);
            assert_eq!((&change.old, change.view().new), (known, write.value.clone()), "a write saw another item");
            self.truth.insert(key, change.item.clone());
        }
        let mut commit = self.commit();
        planned.write(&mut commit);
        keep(&mut self.cache, &planned.changes, commit.number);
        self.pending.push_back(commit);
    }

    fn plan(&mut self, writes: &[StateWrite]) -> Plan {
        let mut take_id = || {
            self.next_id += 1;
            self.next_id
        };
        let mut context = PlanContext { now: self.now, max_value: 1_000, take_id: &mut take_id };
        plan(&mut self.cache, writes, &mut context).expect("nothing is wrong with the writes")
    }

    fn load(&mut self, writes: &[StateWrite]) {
        let keys: Vec<_> = writes.iter().map(|write| (write.group.clone(), write.key.clone())).collect();
        self.read(&keys);
        assert!(self.loaded(), "nothing happened since the read");
    }

    fn commit(&mut self) -> Commit {
        self.commits += 1;
        Commit { number: self.commits, ..Commit::default() }
    }

    fn clear(&mut self, group: &str) {
        let mut commit = self.commit();
        commit.write(Operation::ClearState { group: name(group) });
        self.cache.clear(&name(group), commit.number);
        self.truth.retain(|key, _| &*key.0 != group);
        self.pending.push_back(commit);
    }

    fn publish(&mut self, count: usize) {
        let count = count.min(self.pending.len());
        let durable: Vec<_> = self.pending.drain(..count).collect();
        durable.iter().flat_map(|commit| &commit.operations).for_each(|operation| store(&mut self.store, operation));
        self.cache.published(durable.iter().map(|commit| (commit.number, &commit.keys[..])));
        let clean = self.cache.checked();
        assert!(self.cache.bytes() <= self.limit || clean == 0, "over the limit with {clean} clean items");
    }

    fn read(&mut self, keys: &[Key]) {
        let found = keys.iter().map(|key| (key.clone(), self.store.get(key).unwrap_or(&ABSENT).clone()));
        self.reading = Some((self.cache.changes(), found.collect()));
    }

    /// Whether what was read could be used.
    fn loaded(&mut self) -> bool {
        let Some((changes, found)) = self.reading.take() else { return false };
        if changes != self.cache.changes() {
            return false;
        }
        let keys: Vec<_> = found.iter().map(|(key, _)| key.clone()).collect();
        for (key, item) in found {
            if self.cache.find(&key.0, &key.1).is_none() {
                let item = if self.cache.is_cleared(&key.0) { ABSENT.clone() } else { item };
                self.cache.put(&key.0, &key.1, item);
            }
        }
        let was_complete = self.cache.is_complete(); // then it needed nothing of what was read
        self.cache.evict(&keys);
        for key in &keys {
            assert!(was_complete || self.cache.find(&key.0, &key.1).is_some(), "{key:?} was asked for");
        }
        true
    }

    fn find(&mut self, key: &Key) {
        let is_complete = self.cache.is_complete();
        let expected = self.truth.get(key).unwrap_or(&ABSENT).at(self.now);
        match self.cache.find(&key.0, &key.1) {
            Some(found) => assert_eq!(found.at(self.now), expected, "{key:?}"),
            None => assert!(!is_complete, "{key:?} is cold in a complete cache"),
        }
    }

    fn page(&self, group: &str, limit: usize, after: Option<&str>) {
        let overlay =
            Overlay { now: self.now, dirty: self.cache.changed_in(group), is_cleared: self.cache.is_cleared(group) };
        let live = live(&self.truth, group, self.now);
        let Some(start) =
            after.map_or(Some(0), |after| live.iter().find(|(key, _)| &**key == after).map(|row| row.1.id))
        else {
            return;
        };
        let mut stored = live_after(&self.store, group, self.now, start);
        stored.truncate(overlay.rows(Some(limit)).expect("a limit"));
        let found: Vec<_> =
            overlay.page(stored, start, Some(limit)).into_iter().map(|row| (row.key, row.value)).collect();
        let expected = live_after(&self.truth, group, self.now, start).into_iter().take(limit);
        assert_eq!(found, expected.map(|(key, item)| (key, item.value.expect("live"))).collect::<Vec<_>>());
    }

    fn sweep(&mut self) {
        let mut commit = self.commit();
        commit.write(Operation::Sweep { now: self.now, died: None });
        self.pending.push_back(commit);
        self.cache.sweep(self.now);
    }

    /// What must hold at any time.
    fn check(&self) {
        self.cache.checked();
        for group in GROUPS {
            let mut changed = self.cache.changed_in(group);
            changed.sort_by(|a, b| a.0.cmp(&b.0));
            assert_eq!(changed, self.dirty(group), "the dirty items of {group}");
            if self.cache.is_complete() {
                assert_eq!(self.cache.known_in(group, 0, self.now, None), live(&self.truth, group, self.now));
            }
        }
    }

    /// The items that pending commits wrote after the last clearing of a group.
    fn dirty(&self, group: &str) -> Vec<Row> {
        let mut dirty = BTreeMap::new();
        for commit in &self.pending {
            if matches!(&commit.operations[..], [Operation::ClearState { group: cleared }] if &**cleared == group) {
                dirty.clear();
            }
            let keys = commit.keys.iter().filter(|key| &*key.0 == group);
            dirty.extend(keys.map(|key| (key.1.clone(), self.truth.get(key).cloned().unwrap_or(ABSENT.clone()))));
        }
        dirty.into_iter().collect()
    }
}

type Row = (std::sync::Arc<str>, Item);

fn as_write((key, value, ttl): &(Key, Option<String>, Option<u8>)) -> StateWrite {
    StateWrite {
        group: key.0.clone(),
        key: key.1.clone(),
        value: value.as_deref().map(bytes),
        ops: vec![],
        delete: value.is_none(),
        ttl: ttl.map(f64::from),
        expected_version: None,
    }
}

/// Makes one operation durable.
fn store(store: &mut BTreeMap<Key, Item>, operation: &Operation) {
    match operation.clone() {
        Operation::SetState { id, group, key, version, expires, value } => {
            store.insert((group, key), Item { id, value: Some(value), version, expires });
        }
        Operation::DeleteState { group, key } => _ = store.remove(&(group, key)),
        Operation::ClearState { group } => store.retain(|key, _| key.0 != group),
        Operation::Sweep { now, .. } => store.retain(|_, item| item.at(now).value.is_some()),
        other => panic!("no operation of the state: {other:?}"),
    }
}

/// The live items of a group in the order of their ids.
fn live(items: &BTreeMap<Key, Item>, group: &str, now: Micros) -> Vec<Row> {
    live_after(items, group, now, 0)
}

fn live_after(items: &BTreeMap<Key, Item>, group: &str, now: Micros, start: i64) -> Vec<Row> {
    let rows = items.iter().filter(|(key, item)| &*key.0 == group && item.id > start && item.at(now).value.is_some());
    let mut rows: Vec<_> = rows.map(|(key, item)| (key.1.clone(), item.clone())).collect();
    rows.sort_by_key(|(_, item)| item.id);
    rows
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_random_life_of_the_cache_keeps_every_promise(
        limit in prop_oneof![Just(0), Just(300), Just(700), Just(1_200), Just(1_000_000_usize)],
        stored in 0..9_usize,
        whole: bool,
        steps in prop::collection::vec(steps(), 1..60),
    ) {
        let mut life = Life::new(limit, stored, whole);
        for step in steps {
            life.take(step);
            life.check();
        }
        life.publish(usize::MAX);
        life.check();
        prop_assert_eq!(live(&life.store, "g", life.now), live(&life.truth, "g", life.now));
    }
}
