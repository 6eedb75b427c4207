//! What writes are going to do: decided from the cache, before anything of it changes.

use std::collections::HashMap;
use std::sync::Arc;

use crate::clock::{Micros, micros};
use crate::commit::{Commit, Operation};
use crate::error::{Error, Result};
use crate::job::Bytes;
use crate::state::cache::Cache;
use crate::state::{ABSENT, Item, Key, StateChange, StateWrite};
use crate::update::{apply, quoted};

/// Bytes of a group's or a key's name.
const MAX_NAME: usize = 512;
/// Letters of a name that is too long, as an error shows it.
const SHOWN: usize = 40;

/// What decides beside the cache.
pub struct PlanContext<'a> {
    pub now: Micros,
    /// Bytes of a value.
    pub max_value: usize,
    /// Takes an id for a new item.
    pub take_id: &'a mut dyn FnMut() -> i64,
}

/// Whether the cache knows enough.
#[derive(Debug)]
pub enum Plan {
    /// A key is cold: load the keys, and plan again.
    Cold,
    Ready(Planned),
}

/// The changes of one commit, one for each write.
#[derive(Debug, Default)]
pub struct Planned {
    pub changes: Vec<Change>,
    pub operations: Vec<Operation>,
    pub keys: Vec<Key>,
    /// When the first of the new items expires, if one does.
    pub soonest: Option<Micros>,
}

/// One change that a commit is going to make.
#[derive(Clone, Debug)]
pub struct Change {
    pub group: Arc<str>,
    pub key: Arc<str>,
    pub old: Item,
    pub item: Item,
}

impl Change {
    /// As the caller sees it.
    #[must_use]
    pub fn view(&self) -> StateChange {
        let shown = if self.item.value.is_some() { &self.item } else { &self.old };
        StateChange {
            group: self.group.clone(),
            key: self.key.clone(),
            old: self.old.value.clone(),
            new: self.item.value.clone(),
            version: shown.version,
        }
    }
}

impl Planned {
    /// Moves the operations into a commit. The changes stay, for [`keep`].
    pub fn write(&mut self, commit: &mut Commit) {
        self.operations.drain(..).for_each(|operation| commit.write(operation));
        commit.keys.append(&mut self.keys);
    }

    fn add(&mut self, change: Change) {
        self.operations.extend(operation(&change));
        self.keys.push((change.group.clone(), change.key.clone()));
        self.changes.push(change);
    }
}

/// What `writes` do, all of them; later ones see earlier ones. Nothing changes until [`keep`].
///
/// # Errors
/// Of the first write that fails: [`Error::VersionConflict`], [`Error::PayloadTooLarge`], and those of [`apply`].
pub fn plan(cache: &mut Cache, writes: &[StateWrite], context: &mut PlanContext<'_>) -> Result<Plan> {
    let mut planned = Planned::default();
    let mut newest: HashMap<(&str, &str), usize> = HashMap::new();
    for write in writes {
        let key = (&*write.group, &*write.key);
        let known = match newest.get(&key) {
            Some(place) => Some(&planned.changes[*place].item),
            None => cache.find(key.0, key.1),
        };
        let Some(known) = known else { return Ok(Plan::Cold) };
        let old = known.at(context.now).clone();
        let item = new_item(write, &old, context)?;
        if let (Some(_), Some(expires)) = (write.ttl, item.expires) {
            planned.soonest = Some(planned.soonest.map_or(expires, |soonest| soonest.min(expires)));
        }
        if writes.len() > 1 {
            newest.insert(key, planned.changes.len());
        }
        planned.add(Change { group: write.group.clone(), key: write.key.clone(), old, item });
    }
    Ok(Plan::Ready(planned))
}

/// Makes planned changes visible: their commit has its number.
pub fn keep(cache: &mut Cache, changes: &[Change], commit: i64) {
    for change in changes {
        cache.put(&change.group, &change.key, change.item.clone());
        cache.touch(&change.group, &change.key, commit);
    }
}

fn new_item(write: &StateWrite, old: &Item, context: &mut PlanContext<'_>) -> Result<Item> {
    require_version(write, old)?;
    require_name(&write.group)?;
    require_name(&write.key)?;
    if write.delete {
        return Ok(ABSENT.clone());
    }
    let value = match &write.value {
        Some(value) => value.clone(),
        None => updated(write, old)?,
    };
    require_size(write, value.len(), context.max_value)?;
    let expires = match write.ttl {
        Some(ttl) => Some(context.now.saturating_add(micros(ttl))),
        None if write.ops.is_empty() => None,
        None => old.expires, // a set is a new value; an update leaves the item's time as it is
    };
    let id = if old.value.is_some() { old.id } else { (context.take_id)() };
    Ok(Item { id, value: Some(value), version: old.version + 1, expires })
}

fn updated(write: &StateWrite, old: &Item) -> Result<Bytes> {
    let found = apply(old.value.as_deref(), &write.ops).map_err(|error| match error {
        Error::UpdateRefused(why) => Error::UpdateRefused(format!("state {}/{}: {why}", write.group, write.key)),
        other => other,
    });
    found.map(Bytes::from)
}

fn require_version(write: &StateWrite, old: &Item) -> Result<()> {
    match write.expected_version {
        Some(expected) if expected != old.version => Err(Error::VersionConflict {
            group: write.group.to_string(),
            key: write.key.to_string(),
            expected,
            found: old.version,
        }),
        _ => Ok(()),
    }
}

fn require_name(name: &str) -> Result<()> {
    if name.len() <= MAX_NAME {
        return Ok(());
    }
    let shown: String = name.chars().take(SHOWN).collect();
    Err(Error::PayloadTooLarge(format!(
        "state: {}.. has {} bytes, more than the {MAX_NAME} of a group or key",
        quoted(&shown),
        name.len()
    )))
}

fn require_size(write: &StateWrite, size: usize, limit: usize) -> Result<()> {
    if size <= limit {
        return Ok(());
    }
    let (group, key) = (&write.group, &write.key);
    Err(Error::PayloadTooLarge(format!("state {group}/{key}: {size} bytes, more than max_value={limit}")))
}

fn operation(change: &Change) -> Option<Operation> {
    let (group, key) = (change.group.clone(), change.key.clone());
    match &change.item.value {
        Some(value) => Some(Operation::SetState {
            id: change.item.id,
            group,
            key,
            version: change.item.version,
            expires: change.item.expires,
            value: value.clone(),
        }),
        None => change.old.value.is_some().then_some(Operation::DeleteState { group, key }),
    }
}
