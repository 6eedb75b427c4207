//! What is known of the state's items. It has no lock: the engine holds one around it.
//!
//! What is in the cache is the truth. An item that is not durable yet is *dirty* and is never evicted; a key that is
//! known not to exist is in it too, without a value. A key that the cache does not have is cold: no verb answers for
//! it, so nothing can change it until it was loaded. As long as nothing was ever evicted and the file was read whole,
//! the cache is *complete*, and what it does not have does not exist.

use std::collections::HashMap;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

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
    cleared: FxHashMap<Arc<str>, i64>,
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
            cleared: FxHashMap::default(),
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
        let entry = self.entries.get_mut(slot);
        self.bytes = self.bytes + value_size(&item) - value_size(&entry.item);
        entry.item = item;
    }

    fn insert(&mut self, group: &Arc<str>, key: &Arc<str>, item: Item) {
        let group = self.groups.get_key_value(group).map_or(group, |(known, _)| known).clone(); // one name for all
        let entry = Entry { group: group.clone(), key: key.clone(), item, commit: CLEAN };
        self.bytes += entry.size();
        let slot = self.entries.insert(entry);
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
            self.bytes -= self.entries.remove(slot).size();
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

    fn drop_entry(&mut self, slot: u32) {
        let entry = self.entries.remove(slot);
        self.bytes -= entry.size();
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

    /// All that is known of a group, in no order: the whole group, if the cache is complete.
    pub fn known_in(&self, group: &str) -> impl Iterator<Item = (&Arc<str>, &Item)> {
        let slots = self.groups.get(group).into_iter().flat_map(HashMap::values);
        slots.map(|slot| self.entries.get(*slot)).map(|entry| (&entry.key, &entry.item))
    }

    /// The groups of which something is known.
    pub fn known_groups(&self) -> impl Iterator<Item = &Arc<str>> {
        self.groups.keys()
    }
}
