//! The state verbs: reads from the cache, writes in one commit, and what has to look at the disk.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::commit::{Commit, Operation};
use crate::engine::parts::Parts;
use crate::engine::settle::plan_state;
use crate::error::Result;
use crate::state::page::Overlay;
use crate::state::plan::keep;
use crate::state::{ABSENT, Item, Key, StateChange, StateItem, StateWrite};
use crate::store::Reader;
use crate::store::state::{self as stored, StateRow};

/// An answer from memory, or none: the key is cold, and nothing was done.
#[derive(Debug)]
pub enum Warm<T> {
    Cold,
    Answer(T),
}

/// The item, or `None`.
pub fn get(parts: &Parts, group: &str, key: &str) -> Result<Warm<Option<StateItem>>> {
    parts.require_working()?;
    let now = parts.clock.now();
    let mut cache = parts.cache.lock();
    let Some(item) = cache.find(group, key) else {
        return Ok(Warm::Cold);
    };
    let item = item.at(now);
    Ok(Warm::Answer(item.value.clone().map(|value| StateItem { key: key.into(), value, version: item.version })))
}

/// Makes all changes in one commit, or none of them; returns its number.
pub fn write(parts: &Parts, writes: &[StateWrite]) -> Result<Warm<(i64, Vec<StateChange>)>> {
    let mut sequence = parts.sequence()?;
    let Some(mut planned) = plan_state(parts, &mut sequence, writes, parts.clock.now())? else {
        return Ok(Warm::Cold);
    };
    let mut commit = Commit::default();
    planned.write(&mut commit);
    parts.disk.require_room()?;
    sequence.require_room(&parts.settings, commit.count(), commit.bytes)?;
    let number = parts.commit(&mut sequence, commit);
    keep(&mut parts.cache.lock(), &planned.changes, number);
    Ok(Warm::Answer((number, planned.changes.iter().map(super::super::state::plan::Change::view).collect())))
}

/// Reads keys into memory, so that the next `get` or `write` of them answers.
pub fn load(parts: &Parts, keys: &[(&str, &str)]) -> Result<()> {
    parts.require_working()?;
    load_keys(parts, keys)
}

/// As `load`, for those who have looked whether the engine works.
pub fn load_keys(parts: &Parts, keys: &[(&str, &str)]) -> Result<()> {
    loop {
        let changes = parts.cache.lock().changes();
        let found = {
            let reader = parts.store.reader()?;
            let read = keys.iter().map(|(group, key)| stored::read(&reader, group, key));
            read.map(|row| row.map(|row| row.map(Item::from))).collect::<Result<Vec<_>, _>>()?
        };
        let mut cache = parts.cache.lock();
        if cache.changes() != changes {
            continue; // what was read may be older than what was evicted meanwhile
        }
        let keys: Vec<Key> = keys.iter().map(|(group, key)| ((*group).into(), (*key).into())).collect();
        for ((group, key), item) in keys.iter().zip(found) {
            if cache.find(group, key).is_none() {
                let known = item.filter(|_| !cache.is_cleared(group));
                cache.put(group, key, known.unwrap_or_else(|| ABSENT.clone()));
            }
        }
        cache.evict(&keys); // whoever asked for them must find them, even beyond the limit
        return Ok(());
    }
}

/// The items of a group in the order in which they were first set, those after a key only.
pub fn items(parts: &Parts, group: &str, limit: Option<usize>, after: Option<&str>) -> Result<Vec<StateItem>> {
    let (reader, overlay) = parts.snapshot_state(group)?;
    let start = match after {
        None => 0,
        Some(key) => match overlay.id_of(key) {
            Some(id) => id,
            None => stored::read(&reader, group, key)?.map_or(0, |item| item.id),
        },
    };
    let stored = if overlay.is_cleared {
        Vec::new()
    } else {
        rows_of(stored::page(&reader, group, start, overlay.now, overlay.rows(limit))?)
    };
    drop(reader);
    Ok(overlay.page(stored, start, limit))
}

fn rows_of(rows: Vec<(String, StateRow)>) -> Vec<(Arc<str>, Item)> {
    rows.into_iter().map(|(key, row)| (key.into(), row.into())).collect()
}

impl From<StateRow> for Item {
    fn from(row: StateRow) -> Self {
        let StateRow { id, value, version, expires } = row;
        Self { id, value: Some(value), version, expires }
    }
}

/// The groups that have items, with their number, by name.
pub fn groups(parts: &Parts) -> Result<Vec<(Arc<str>, usize)>> {
    let (reader, dirty) =
        parts.snapshot_with(|parts| parts.cache.lock().dirty_groups().cloned().collect::<Vec<_>>())?;
    let mut names: Vec<Arc<str>> = stored::groups(&reader)?.into_iter().map(Arc::from).collect();
    drop(reader);
    names.extend(dirty);
    names.sort();
    names.dedup();
    let mut counted = Vec::new();
    for name in names {
        let count = items(parts, &name, None, None)?.len();
        if count > 0 {
            counted.push((name, count));
        }
    }
    Ok(counted)
}

/// Deletes a whole group in one commit; returns (commit, items deleted).
pub fn clear(parts: &Parts, group: &str) -> Result<(i64, usize)> {
    let count = items(parts, group, None, None)?.len();
    let group: Arc<str> = group.into();
    let mut sequence = parts.sequence()?;
    let mut commit = Commit::default();
    commit.write(Operation::ClearState { group: Arc::clone(&group) });
    sequence.require_room(&parts.settings, commit.count(), 0)?;
    let number = parts.commit(&mut sequence, commit);
    parts.cache.lock().clear(&group, number);
    Ok((number, count))
}

impl Parts {
    /// A reading transaction, and the items of a group that it may not have: both of the same moment.
    fn snapshot_state(&self, group: &str) -> Result<(Reader<'_>, Overlay)> {
        self.snapshot_with(|parts| {
            let cache = parts.cache.lock();
            Overlay { now: parts.clock.now(), dirty: cache.changed_in(group), is_cleared: cache.is_cleared(group) }
        })
    }

    /// A reading transaction, and what `look` sees in memory: both of the same moment, since nothing is published, and
    /// nothing becomes visible, in between.
    pub fn snapshot_with<T>(&self, look: impl FnOnce(&Self) -> T) -> Result<(Reader<'_>, T)> {
        self.require_working()?;
        let _publishing = self.publishing.lock();
        let reader = self.store.reader()?;
        let sequence = self.sequence()?;
        let seen = look(self);
        drop(sequence);
        Ok((reader, seen))
    }

    /// The newest commit.
    pub fn committed(&self) -> i64 {
        self.committed.load(Ordering::Acquire)
    }
}
