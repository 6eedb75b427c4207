//! Equality on one place, looked up by the value that is there: its cost does not grow with the subscribers.
//!
//! `==`, `in` and `is_null` are indexed, and an `and` that begins with one of them: where that is false, the rest is not
//! looked at. The mismatches are those of an evaluation one by one: each type knows how many of the indexed conditions
//! do not take it.

use rustc_hash::FxHashMap;

use crate::condition::{Ask, Kind, Members, Place, Scalar, Subject, Test, Value};

/// The indexes of a topic.
#[derive(Debug, Default)]
pub(super) struct Indexes {
    by_slot: FxHashMap<usize, Index>,
    /// What `and` has behind the first condition.
    rests: FxHashMap<usize, Test>,
}

/// The conditions on one place of the payload.
#[derive(Debug, Default)]
struct Index {
    /// The places of the targets.
    by_value: FxHashMap<Scalar<'static>, Vec<usize>>,
    /// By `Kind`.
    mismatches: [u64; Kind::ALL.len()],
}

impl Indexes {
    /// Takes a condition for the target at that place, or gives it back.
    pub(super) fn add(&mut self, place: usize, test: Test) -> Option<Test> {
        match test {
            Test::Value(Place::Slot(slot), Ask::OneOf(members)) => self.insert(place, slot, &members),
            Test::And(parts) if matches!(parts[0], Test::Value(Place::Slot(_), Ask::OneOf(_))) => {
                let mut parts = parts.into_vec();
                if let Test::Value(Place::Slot(slot), Ask::OneOf(members)) = parts.remove(0) {
                    self.insert(place, slot, &members);
                    self.rests.insert(place, Test::And(parts.into()));
                }
            }
            other => return Some(other),
        }
        None
    }

    fn insert(&mut self, place: usize, slot: usize, members: &Members) {
        let index = self.by_slot.entry(slot).or_default();
        for value in members.distinct() {
            index.by_value.entry(value).or_default().push(place);
        }
        for kind in Kind::ALL {
            index.mismatches[kind as usize] += u64::from(members.refuses(kind));
        }
    }

    /// Calls `hit` for each target whose condition holds.
    pub(super) fn look_up(&self, found: &[Option<Value<'_>>], mismatches: &mut u64, mut hit: impl FnMut(usize)) {
        for (&slot, index) in &self.by_slot {
            let Some(value) = &found[slot] else {
                continue;
            };
            *mismatches += value.kind().map_or(0, |kind| index.mismatches[kind as usize]);
            let places = value.scalar().and_then(|value| index.by_value.get(&value));
            for &place in places.into_iter().flatten() {
                if self.rests.get(&place).is_none_or(|rest| rest.holds(Subject::Payload(found), mismatches)) {
                    hit(place);
                }
            }
        }
    }
}
