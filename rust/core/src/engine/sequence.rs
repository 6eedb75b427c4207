//! What makes the order: ids, names, and the commits that are not durable yet. All of it under one lock.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::commit::{Commit, Operation};
use crate::engine::contract::ScheduleRow;
use crate::error::{Error, Result};
use crate::job::Record;
use crate::settings::Settings;

/// Ids that are reserved at once. More than twice what may be pending, so that the next block is durable in time.
pub const ID_BLOCK: i64 = 1 << 20;

/// One sequence for messages, jobs and items. It never repeats: ids are reserved in blocks, durable before use.
#[derive(Debug)]
pub struct Ids {
    next: i64,
    reserved: i64,
}

impl Ids {
    /// Ids from `first` to `first + ID_BLOCK` are reserved.
    #[must_use]
    pub fn new(first: i64) -> Self {
        Self { next: first, reserved: first + ID_BLOCK }
    }

    /// The next id.
    pub fn take(&mut self) -> i64 {
        self.next += 1;
        self.next - 1
    }

    /// Adds the next reservation to a commit, once half of this one is used.
    fn reserve(&mut self, commit: &mut Commit) {
        let before = self.reserved;
        while self.reserved - self.next < ID_BLOCK / 2 {
            self.reserved += ID_BLOCK;
        }
        if self.reserved != before {
            commit.write(Operation::Reserve { next_id: self.reserved });
        }
    }
}

/// See the module.
#[derive(Debug)]
pub struct Sequence {
    /// Commits that are not published yet; the first `flying` of them are being written.
    pub unsynced: VecDeque<Arc<Commit>>,
    pub flying: usize,
    pub operations: usize,
    pub bytes: usize,
    pub committed: i64,
    pub closing: bool,
    pub ids: Ids,
    /// Small integers for the ids of subscriptions, as the file keeps them.
    pub names: FxHashMap<String, u32>,
    pub schedules: BTreeMap<String, ScheduleRow>,
    /// Jobs that were running in `max_crashes` crashes: dead as soon as the subscriptions are declared.
    pub condemned: Vec<Arc<Record>>,
    pub unmatched: BTreeMap<String, u64>,
    pub mismatches: u64,
}

impl Sequence {
    /// `committed` and `next_id` are what the file has.
    #[must_use]
    pub fn new(committed: i64, next_id: i64) -> Self {
        Self {
            unsynced: VecDeque::new(),
            flying: 0,
            operations: 0,
            bytes: 0,
            committed,
            closing: false,
            ids: Ids::new(next_id),
            names: FxHashMap::default(),
            schedules: BTreeMap::new(),
            condemned: Vec::new(),
            unmatched: BTreeMap::new(),
            mismatches: 0,
        }
    }

    /// Unless so much more may wait: `PendingFull`. With nothing waiting, any size may.
    pub fn require_room(&self, settings: &Settings, operations: usize, bytes: usize) -> Result<()> {
        let full =
            self.operations + operations > settings.pending_operations || self.bytes + bytes > settings.pending_bytes;
        if self.operations == 0 || !full {
            return Ok(());
        }
        Err(Error::PendingFull(format!(
            "{} operations of {} bytes wait for their sync; wait and call again",
            self.operations, self.bytes
        )))
    }

    /// Numbers a commit and puts it in line; returns the number.
    pub fn append(&mut self, mut commit: Commit) -> i64 {
        self.ids.reserve(&mut commit);
        self.committed += i64::try_from(commit.commits()).unwrap_or(1);
        commit.number = self.committed;
        self.operations += commit.count();
        self.bytes += commit.bytes;
        self.unsynced.push_back(Arc::new(commit));
        self.committed
    }

    /// The number of a name, made in `commit` when it is new.
    pub fn number(&mut self, text: &str, commit: &mut Commit) -> u32 {
        if let Some(number) = self.names.get(text) {
            return *number;
        }
        let number = self.names.values().max().copied().unwrap_or(0) + 1;
        self.names.insert(text.to_owned(), number);
        commit.write(Operation::Name { number, text: text.to_owned() });
        number
    }

    /// Gives the number of `old` to `new`, which has none.
    pub fn rename(&mut self, old: &str, new: &str, commit: &mut Commit) {
        if let Some(number) = self.names.remove(old) {
            self.names.insert(new.to_owned(), number);
            commit.write(Operation::Rename { number, text: new.to_owned() });
        }
        if let Some(mut row) = self.schedules.remove(old) {
            new.clone_into(&mut row.subscription);
            self.schedules.insert(new.to_owned(), row);
        }
    }
}
