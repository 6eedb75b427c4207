//! State: groups of JSON values by key, in a bounded cache over the store.

pub mod cache;
mod lru;
pub mod page;
pub mod plan;

use std::sync::Arc;

use crate::clock::Micros;
use crate::job::Bytes;
use crate::update::UpdateOp;

/// A group and a key.
pub type Key = (Arc<str>, Arc<str>);

/// What there is no item for.
pub static ABSENT: Item = Item { id: 0, value: None, version: 0, expires: None };

/// One key; `value` is `None` where there is no item. `id` orders a group by insertion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    pub id: i64,
    pub value: Option<Bytes>,
    pub version: i64,
    pub expires: Option<Micros>,
}

impl Item {
    /// The item as it is at `now`: gone once it has expired.
    #[must_use]
    pub fn at(&self, now: Micros) -> &Self {
        if self.expires.is_some_and(|expires| expires <= now) { &ABSENT } else { self }
    }
}

/// One change of one item: exactly one of `value`, `ops` and `delete` is given.
#[derive(Clone, Debug)]
pub struct StateWrite {
    pub group: Arc<str>,
    pub key: Arc<str>,
    pub value: Option<Bytes>,
    pub ops: Vec<UpdateOp>,
    pub delete: bool,
    /// Seconds until the item is gone; `None` keeps it.
    pub ttl: Option<f64>,
    /// The version that it must have, 0 for none at all.
    pub expected_version: Option<i64>,
}

/// What a write did: `None` for what was, or is, not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateChange {
    pub group: Arc<str>,
    pub key: Arc<str>,
    pub old: Option<Bytes>,
    pub new: Option<Bytes>,
    /// Of the new item, or of the one that is gone.
    pub version: i64,
}

/// One item as it is now. `version` starts at 1 and rises by 1 with each write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateItem {
    pub key: Arc<str>,
    pub value: Bytes,
    pub version: i64,
}

#[cfg(test)]
mod tests;
