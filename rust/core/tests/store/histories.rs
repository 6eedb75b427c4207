//! What may happen to a store, at random: groups of commits, and disks that fail under them.

use std::collections::BTreeMap;
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
    let time = || 0..100_i64;
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

/// Makes commits of steps; knows which ids are used.
#[derive(Default)]
pub(crate) struct Maker {
    used: i64,
    pub(crate) commits: i64,
}

impl Maker {
    pub(crate) fn id(&mut self) -> i64 {
        self.used += 1;
        self.used
    }

    pub(crate) fn group(&mut self, model: &Model, group: Vec<Vec<Step>>) -> Vec<Arc<Commit>> {
        let mut names = model.names.clone();
        group.into_iter().map(|steps| Arc::new(self.commit(model, &mut names, steps))).collect()
    }

    fn commit(&mut self, model: &Model, names: &mut BTreeMap<u32, String>, steps: Vec<Step>) -> Commit {
        self.commits += 1;
        let mut commit = Commit { number: self.commits, ..Commit::default() };
        for step in steps {
            self.add(&mut commit, model, names, step);
        }
        commit
    }

    fn add(&mut self, commit: &mut Commit, model: &Model, names: &mut BTreeMap<u32, String>, step: Step) {
        let jobs: Vec<i64> = model.jobs.keys().copied().collect();
        let one_of = |index: &Index| if jobs.is_empty() { 0 } else { *index.get(&jobs) };
        let operation = match step {
            Step::Insert(sub, priority, place, due, payload) => {
                let place = Place::from_column(place.into());
                let record = Record { sub, priority, place, due, payload: payload.into(), ..job(self.id()) };
                return commit.inserted.push(record.into());
            }
            Step::Delete(index) => return commit.deleted.push(one_of(&index)),
            Step::Reschedule(index, place, due, n) => {
                let place = Place::from_column(place.into());
                Operation::Reschedule { job: one_of(&index), place, due: Some(due), attempt: n, crashes: n / 2 }
            }
            Step::Revive(index, payload) => Operation::Revive { job: one_of(&index), due: 7, payload: payload.into() },
            Step::Fail(index, at) => failed(one_of(&index), at, "größe \u{1}\"\\"),
            Step::Forget(index) => Operation::ForgetAttempts { job: one_of(&index) },
            Step::Merge(from, into) => Operation::Merge { from, into },
            Step::Park(until, payload) => {
                let (options, meta, payload) = (Bytes::default(), Bytes::default(), payload.into());
                Operation::Park(Parked { id: self.id(), topic: "t".into(), until, options, meta, payload })
            }
            Step::Unpark(index) => {
                let parked: Vec<i64> = model.parked.keys().copied().collect();
                Operation::Unpark { message: if parked.is_empty() { 0 } else { *index.get(&parked) } }
            }
            Step::Set(group, key, expires, value) => {
                let (group, key) = (group.to_string(), key.to_string());
                let known = model.state.get(&(group.clone(), key.clone()));
                let version = known.map_or(1, |item| item.1 + 1);
                let (id, value) = (self.id(), value.into());
                Operation::SetState { id, group: group.into(), key: key.into(), version, expires, value }
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
                let number = names.keys().last().map_or(1, |last| last + 1);
                names.insert(number, String::new());
                Operation::Name { number, text: format!("name {}", self.id()) }
            }
            Step::Rename(index) => {
                let Some(number) = names.keys().nth(index.index(names.len().max(1))).copied() else { return };
                Operation::Rename { number, text: format!("name {}", self.id()) }
            }
        };
        commit.write(operation);
    }
}
