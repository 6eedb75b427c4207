//! A page of a group's items: what the store has, with what is not durable yet laid over it.

use std::collections::HashSet;
use std::sync::Arc;

use crate::clock::Micros;
use crate::state::{Item, StateItem};

/// What memory knew of a group when the store's snapshot was taken.
#[derive(Debug)]
pub struct Overlay {
    pub now: Micros,
    /// The group's dirty items.
    pub dirty: Vec<(Arc<str>, Item)>,
    /// Whether what the store has of the group is gone.
    pub is_cleared: bool,
}

impl Overlay {
    /// Rows that a page of `limit` items needs from the store: each dirty item may replace one.
    #[must_use]
    pub fn rows(&self, limit: Option<usize>) -> Option<usize> {
        limit.map(|limit| limit.saturating_add(self.dirty.len()))
    }

    /// The id of a key, if it is dirty: 0 if it is gone.
    #[must_use]
    pub fn id_of(&self, key: &str) -> Option<i64> {
        self.dirty.iter().find(|(dirty, _)| &**dirty == key).map(|(_, item)| item.id)
    }

    /// The live items after the id `start`, in the order of their ids, `limit` of them at most. `stored` are the rows
    /// after `start` in that order, as many as [`Overlay::rows`] says, or none if the group was cleared.
    #[must_use]
    pub fn page(self, mut stored: Vec<(Arc<str>, Item)>, start: i64, limit: Option<usize>) -> Vec<StateItem> {
        if self.is_cleared {
            stored.clear();
        }
        if !self.dirty.is_empty() {
            let dirty: HashSet<&str> = self.dirty.iter().map(|(key, _)| &**key).collect();
            stored.retain(|(key, _)| !dirty.contains(&**key));
            stored.extend(self.dirty.into_iter().filter(|(_, item)| item.id > start));
            stored.sort_by_key(|(_, item)| item.id);
        }
        let now = self.now;
        stored.into_iter().filter_map(|(key, item)| live(key, &item, now)).take(limit.unwrap_or(usize::MAX)).collect()
    }
}

fn live(key: Arc<str>, item: &Item, now: Micros) -> Option<StateItem> {
    let item = item.at(now);
    item.value.clone().map(|value| StateItem { key, value, version: item.version })
}
