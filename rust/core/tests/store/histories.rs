//! What may happen to a store, at random: groups of commits, and disks that fail under them.

use std::sync::Arc;

use motia_core::commit::{Commit, Operation, Parked};
use motia_core::job::{Bytes, Place, Record};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::model::Model;
use crate::rig::{failed, job};

/// One change, before it is known which rows there are: an `Index` picks one of them.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Insert(u32, u8, u8, Option<i64>, Vec<u8>),
    Delete(Index),
    Reschedule(Index, u8, i64, u32),
    Revive(Index, Vec<u8>),
    Fail(Index, i64),
    Forget(Index),
    Merge(u32, u32),
    Park(i64, Vec<u8>),
    Unpark(Index),
    Set(u8, u8, Option<i64>, Vec<u8>),
    Unset(u8, u8),
    Clear(u8),
    Schedule(u32, i64),
    Sweep(i64, Option<i64>),
    Reserve(i64),
    Name,
    Rename(Index),
}

fn steps() -> impl Strategy<Value = Step> {
    let data = || prop::collection::vec(any::<u8>(), 0..40);
    let time = || 0..8_i64; // few: what expires at the very moment of a sweep is to happen
    let some = any::<Index>;
    prop_oneof![
        8 => (1..4_u32, 0..10_u8, 0..4_u8, prop::option::of(time()), data())
            .prop_map(|(sub, priority, place, due, payload)| Step::Insert(sub, priority, place, due, payload)),
        4 => some().prop_map(Step::Delete),
        3 => (some(), 0..4_u8, time(), 0..5_u32).prop_map(|(job, place, due, n)| Step::Reschedule(job, place, due, n)),
        1 => (some(), data()).prop_map(|(job, payload)| Step::Revive(job, payload)),
        3 => (some(), time()).prop_map(|(job, at)| Step::Fail(job, at)),
        1 => some().prop_map(Step::Forget),
        1 => (1..4_u32, 1..4_u32).prop_map(|(from, into)| Step::Merge(from, into)),
        2 => (time(), data()).prop_map(|(until, payload)| Step::Park(until, payload)),
        1 => some().prop_map(Step::Unpark),
        4 => (0..3_u8, 0..3_u8, prop::option::of(time()), data())
            .prop_map(|(group, key, expires, value)| Step::Set(group, key, expires, value)),
        1 => (0..3_u8, 0..3_u8).prop_map(|(group, key)| Step::Unset(group, key)),
        1 => (0..3_u8).prop_map(Step::Clear),
        1 => (1..4_u32, time()).prop_map(|(sub, last)| Step::Schedule(sub, last)),
        1 => (time(), prop::option::of(time())).prop_map(|(now, died)| Step::Sweep(now, died)),
        1 => time().prop_map(Step::Reserve),
        1 => Just(Step::Name),
        1 => some().prop_map(Step::Rename),
    ]
}

/// What becomes of a group.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fate {
    Written,
    /// The disk fails with a code before the file sees anything.
    Refused(i32),
    /// Its last row is one that exists: the transaction fails when most of it is written.
    Poisoned,
    /// The disk is full, and then has room again.
    Full,
}

fn fates() -> impl Strategy<Value = Fate> {
    use rusqlite::ffi;
    prop_oneof![
        6 => Just(Fate::Written),
        1 => prop::sample::select(vec![ffi::SQLITE_IOERR_WRITE, ffi::SQLITE_IOERR_FSYNC, ffi::SQLITE_FULL, ffi::SQLITE_BUSY])
            .prop_map(Fate::Refused),
        1 => Just(Fate::Poisoned),
        1 => Just(Fate::Full),
    ]
}

pub(crate) type History = Vec<(Vec<Vec<Step>>, Fate)>;

pub(crate) fn histories() -> impl Strategy<Value = History> {
    let group = prop::collection::vec(prop::collection::vec(steps(), 1..6), 1..5);
    prop::collection::vec((group, fates()), 1..12)
}

/// Makes commits of steps: knows which ids are used, and what there is when a group is written.
#[derive(Default)]
pub(crate) struct Maker {
    used: i64,
    pub(crate) commits: i64,
    jobs: Vec<i64>,
    parked: Vec<i64>,
    names: Vec<u32>,
}

/// One of those that there are, or an id that nobody has.
fn one_of<T: Copy + Default>(known: &[T], index: Index) -> T {
    if known.is_empty() { T::default() } else { *index.get(known) }
}

impl Maker {
    pub(crate) fn id(&mut self) -> i64 {
        self.used += 1;
        self.used
    }

    pub(crate) fn group(&mut self, model: &Model, group: Vec<Vec<Step>>) -> Vec<Arc<Commit>> {
        self.jobs = model.jobs.keys().copied().collect();
        self.parked = model.parked.keys().copied().collect();
        self.names = model.names.keys().copied().collect();
        group.into_iter().map(|steps| Arc::new(self.commit(steps))).collect()
    }

    fn commit(&mut self, steps: Vec<Step>) -> Commit {
        self.commits += 1;
        let mut commit = Commit { number: self.commits, ..Commit::default() };
        for step in steps {
            match step {
                Step::Insert(sub, priority, place, due, payload) => {
                    let (id, place) = (self.id(), Place::from_column(place.into()));
                    let record = Record { sub, priority, place, due, payload: payload.into(), ..job(id) };
                    commit.inserted.push(record.into());
                    self.jobs.push(id);
                }
                Step::Delete(index) => commit.deleted.push(one_of(&self.jobs, index)),
                step => commit.write(self.operation(step)),
            }
        }
        commit
    }

    fn operation(&mut self, step: Step) -> Operation {
        match step {
            Step::Insert(..) | Step::Delete(..) => unreachable!("no operations"),
            Step::Reschedule(index, place, due, n) => {
                let (job, place) = (one_of(&self.jobs, index), Place::from_column(place.into()));
                Operation::Reschedule { job, place, due: Some(due), attempt: n, crashes: n / 2 }
            }
            Step::Revive(index, payload) => {
                Operation::Revive { job: one_of(&self.jobs, index), due: 7, payload: payload.into() }
            }
            Step::Fail(index, at) => failed(one_of(&self.jobs, index), at, "größe \u{1}\"\\"),
            Step::Forget(index) => Operation::ForgetAttempts { job: one_of(&self.jobs, index) },
            Step::Merge(from, into) => Operation::Merge { from, into },
            Step::Park(until, payload) => {
                let (options, meta, payload) = (Bytes::default(), Bytes::default(), payload.into());
                Operation::Park(Parked { id: self.id(), topic: "t".into(), until, options, meta, payload })
            }
            Step::Unpark(index) => Operation::Unpark { message: one_of(&self.parked, index) },
            Step::Set(group, key, expires, value) => {
                let (group, key) = (group.to_string().into(), key.to_string().into());
                let (id, version) = (self.id(), self.id());
                Operation::SetState { id, group, key, version, expires, value: value.into() }
            }
            Step::Unset(group, key) => {
                Operation::DeleteState { group: group.to_string().into(), key: key.to_string().into() }
            }
            Step::Clear(group) => Operation::ClearState { group: group.to_string().into() },
            Step::Schedule(sub, last) => {
                Operation::Schedule { sub, expression: "* *".into(), zone: "UTC".into(), last }
            }
            Step::Sweep(now, died) => Operation::Sweep { now, died },
            Step::Reserve(next_id) => Operation::Reserve { next_id },
            Step::Name => {
                let number = self.names.last().map_or(1, |last| last + 1);
                self.names.push(number);
                Operation::Name { number, text: format!("name {}", self.id()) }
            }
            Step::Rename(index) => {
                Operation::Rename { number: one_of(&self.names, index), text: format!("name {}", self.id()) }
            }
        }
    }
}
