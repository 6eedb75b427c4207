//! What is known of the state's items. It has no lock: the engine holds one around it.
//!
//! What is in the cache is the truth. An item that is not durable yet is *dirty* and is never evicted; a key that is
//! known not to exist is in it too, without a value. A key that the cache does not have is cold: no verb answers for
//! it, so nothing can change it until it was loaded. As long as nothing was ever evicted and the file was read whole,
//! the cache is *complete*, and what it does not have does not exist.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use rustc_hash::FxHashSet;

use crate::clock::Micros;
use crate::state::lru::Lru;
use crate::state::{ABSENT, Item, Key};

/// Bytes that a key costs the cache besides its value and its names, about.
const OVERHEAD: usize = 200;
/// Commits are numbered from 1.
const CLEAN: i64 = 0;

/// Items by group and key, least recently used first. Names come from users, so the maps by name have keyed hashes.
#[derive(Debug)]
pub struct Cache {
    limit: usize,
    bytes: usize,
    /// Dirty entries are not in its order, so that evicting never has to pass over them.
    entries: Lru<Entry>,
    groups: HashMap<Arc<str>, HashMap<Arc<str>, u32>>,
    dirty: HashMap<Arc<str>, FxHashSet<u32>>,
    /// Groups whose clearing is not durable yet, by commit: what the store still has of them is gone.
    cleared: HashMap<Arc<str>, i64>,
    /// The entries whose items expire, by when.
    expiring: BTreeSet<(Micros, u32)>,
    complete: bool,
    changes: u64,
}

#[derive(Debug)]
struct Entry {
    group: Arc<str>,
    key: Arc<str>,
    item: Item,
    /// The commit that wrote it last, until that is durable; then `CLEAN`.
    commit: i64,
}

impl Entry {
    fn size(&self) -> usize {
        OVERHEAD + self.group.len() + self.key.len() + value_size(&self.item)
    }
}

fn value_size(item: &Item) -> usize {
    item.value.as_ref().map_or(0, |value| value.len())
}

impl Cache {
    /// Keeps about `limit` bytes, and whatever is dirty.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            bytes: 0,
            entries: Lru::new(),
            groups: HashMap::new(),
            dirty: HashMap::new(),
            cleared: HashMap::new(),
            expiring: BTreeSet::new(),
            complete: false,
            changes: 0,
        }
    }

    /// Everything that exists is in the cache: the store was read whole, or there is none.
    pub fn completed(&mut self) {
        self.complete = true;
    }

    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// Rises with every eviction and clearing: what a loader read before may be stale.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// Bytes that its items take, about.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The item of a key, `None` if it is cold. It is the one used last then.
    pub fn find(&mut self, group: &str, key: &str) -> Option<&Item> {
        match self.slot(group, key) {
            Some(slot) => {
                self.entries.touch(slot);
                Some(&self.entries.get(slot).item)
            }
            None => self.complete.then_some(&ABSENT),
        }
    }

    fn slot(&self, group: &str, key: &str) -> Option<u32> {
        self.groups.get(group)?.get(key).copied()
    }

    /// Keeps what was loaded or written.
    pub fn put(&mut self, group: &Arc<str>, key: &Arc<str>, item: Item) {
        match self.slot(group, key) {
            Some(slot) => self.replace(slot, item),
            None => self.insert(group, key, item),
        }
    }

    fn replace(&mut self, slot: u32, item: Item) {
        self.entries.touch(slot);
        self.entry_expires(slot, item.expires);
        let entry = self.entries.get_mut(slot);
        self.bytes = self.bytes + value_size(&item) - value_size(&entry.item);
        entry.item = item;
    }

    /// Notes what the time of an entry's item is going to be.
    fn entry_expires(&mut self, slot: u32, expires: Option<Micros>) {
        let before = self.entries.get(slot).item.expires;
        if before != expires {
            before.map(|before| self.expiring.remove(&(before, slot)));
            expires.map(|expires| self.expiring.insert((expires, slot)));
        }
    }

    fn insert(&mut self, group: &Arc<str>, key: &Arc<str>, item: Item) {
        let group = self.groups.get_key_value(group).map_or(group, |(known, _)| known).clone(); // one name for all
        let expires = item.expires;
        let entry = Entry { group: group.clone(), key: key.clone(), item, commit: CLEAN };
        self.bytes += entry.size();
        let slot = self.entries.insert(entry);
        expires.map(|expires| self.expiring.insert((expires, slot)));
        self.groups.entry(group).or_default().insert(key.clone(), slot);
    }

    /// Marks a key as changed by a commit that is not durable yet; the cache has it.
    pub fn touch(&mut self, group: &str, key: &str, commit: i64) {
        let Some(slot) = self.slot(group, key) else { return };
        self.entries.unlink(slot);
        let entry = self.entries.get_mut(slot);
        entry.commit = commit;
        match self.dirty.get_mut(group) {
            Some(slots) => _ = slots.insert(slot),
            None => _ = self.dirty.insert(entry.group.clone(), FxHashSet::from_iter([slot])),
        }
    }

    /// Drops a group, dirty items too, which `commit` clears.
    pub fn clear(&mut self, group: &Arc<str>, commit: i64) {
        for slot in self.groups.remove(group).unwrap_or_default().into_values() {
            self.remove(slot);
        }
        self.dirty.remove(group);
        self.cleared.insert(group.clone(), commit);
        self.changes += 1;
    }

    /// Whether a group was cleared by a commit that is not durable yet.
    #[must_use]
    pub fn is_cleared(&self, group: &str) -> bool {
        self.cleared.contains_key(group)
    }

    /// The items that these commits (number, keys) wrote last are durable; evicts what is over the limit.
    pub fn published<'a>(&mut self, commits: impl IntoIterator<Item = (i64, &'a [Key])>) {
        for (number, keys) in commits {
            for (group, key) in keys {
                self.clean(group, key, number);
            }
            if !self.cleared.is_empty() {
                self.clearing_published(number);
            }
        }
        self.evict(&[]);
    }

    fn clean(&mut self, group: &str, key: &str, commit: i64) {
        let Some(slot) = self.slot(group, key) else { return };
        let entry = self.entries.get_mut(slot);
        if entry.commit != commit {
            return;
        }
        entry.commit = CLEAN;
        let is_needed = entry.item.value.is_some() || !self.complete;
        if let Some(slots) = self.dirty.get_mut(group) {
            slots.remove(&slot);
            if slots.is_empty() {
                self.dirty.remove(group);
            }
        }
        if is_needed {
            self.entries.link(slot);
        } else {
            self.drop_entry(slot);
        }
    }

    fn clearing_published(&mut self, number: i64) {
        let before = self.cleared.len();
        self.cleared.retain(|_, commit| *commit != number);
        self.changes += (before - self.cleared.len()) as u64;
    }

    /// Drops what was not used for longest, but nothing dirty, and nothing of `keep`, until the limit is kept.
    pub fn evict(&mut self, keep: &[Key]) {
        if self.bytes <= self.limit {
            return;
        }
        let kept: FxHashSet<u32> = keep.iter().filter_map(|(group, key)| self.slot(group, key)).collect();
        let mut next = self.entries.first();
        let mut evicted = false;
        while let Some(slot) = next
            && self.bytes > self.limit
        {
            next = self.entries.next(slot);
            if !kept.contains(&slot) {
                self.drop_entry(slot);
                evicted = true;
            }
        }
        if evicted {
            self.complete = false;
            self.changes += 1;
        }
    }

    /// Drops the durable items that have expired at `now`: the store has dropped them, or is about to.
    pub fn sweep(&mut self, now: Micros) {
        let expired: Vec<u32> = self.expiring.range(..=(now, u32::MAX)).map(|(_, slot)| *slot).collect();
        for slot in expired {
            if self.entries.get(slot).commit == CLEAN {
                self.drop_entry(slot);
                self.changes += 1;
            }
        }
    }

    /// Takes an entry out of everything but its group.
    fn remove(&mut self, slot: u32) -> Entry {
        let entry = self.entries.remove(slot);
        self.bytes -= entry.size();
        entry.item.expires.map(|expires| self.expiring.remove(&(expires, slot)));
        entry
    }

    fn drop_entry(&mut self, slot: u32) {
        let entry = self.remove(slot);
        let keys = self.groups.get_mut(&entry.group).expect("an entry's group is known");
        keys.remove(&entry.key);
        if keys.is_empty() {
            self.groups.remove(&entry.group);
        }
    }

    /// The dirty items of a group, those that are gone too, in no order.
    #[must_use]
    pub fn changed_in(&self, group: &str) -> Vec<(Arc<str>, Item)> {
        let slots = self.dirty.get(group).into_iter().flatten();
        slots.map(|slot| self.entries.get(*slot)).map(|entry| (entry.key.clone(), entry.item.clone())).collect()
    }

    /// The groups that have dirty items.
    pub fn dirty_groups(&self) -> impl Iterator<Item = &Arc<str>> {
        self.dirty.keys()
    }

    /// The first `limit` live items of a group after the id `start`, in the order of their ids: rows as the store has
    /// them, if the cache is complete. Linear in the group.
    #[must_use]
    pub fn known_in(&self, group: &str, start: i64, now: Micros, limit: Option<usize>) -> Vec<(Arc<str>, Item)> {
        let slots = self.groups.get(group).into_iter().flat_map(HashMap::values);
        let entries = slots.map(|slot| self.entries.get(*slot));
        let mut found: Vec<_> = entries.filter(|e| e.item.id > start && e.item.at(now).value.is_some()).collect();
        if let Some(limit) = limit
            && limit < found.len()
        {
            found.select_nth_unstable_by_key(limit, |entry| entry.item.id);
            found.truncate(limit);
        }
        found.sort_unstable_by_key(|entry| entry.item.id);
        found.into_iter().map(|entry| (entry.key.clone(), entry.item.clone())).collect()
    }

    /// The groups of which something is known.
    pub fn known_groups(&self) -> impl Iterator<Item = &Arc<str>> {
        self.groups.keys()
    }
}

#[cfg(test)]
impl Cache {
    /// Counts everything anew; returns how many entries could be evicted.
    pub(super) fn checked(&self) -> usize {
        let slots: FxHashSet<u32> = self.groups.values().flat_map(HashMap::values).copied().collect();
        let entries = || slots.iter().map(|slot| (*slot, self.entries.get(*slot)));
        assert_eq!(self.bytes, entries().map(|(_, entry)| entry.size()).sum::<usize>());
        assert!(self.groups.values().all(|keys| !keys.is_empty()), "an empty group");
        let dirty: FxHashSet<u32> =
            entries().filter(|(_, entry)| entry.commit != CLEAN).map(|(slot, _)| slot).collect();
        assert_eq!(dirty, self.dirty.values().flatten().copied().collect());
        assert!(self.dirty.values().all(|slots| !slots.is_empty()), "a group that is not dirty");
        let expiring = entries().filter_map(|(slot, entry)| entry.item.expires.map(|expires| (expires, slot)));
        assert_eq!(self.expiring, expiring.collect());
        let order: Vec<u32> = std::iter::successors(self.entries.first(), |slot| self.entries.next(*slot)).collect();
        assert_eq!(order.iter().copied().collect::<FxHashSet<_>>(), &slots - &dirty);
        order.len()
    }
}
