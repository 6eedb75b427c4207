//! The subscriptions of one topic.

use super::Routed;
use super::index::Indexes;
use crate::condition::{ConditionError, NotJson, Plan, Subject, Test, compile};

/// The targets of a topic in the order of their declaration, each of them in one of three ways: always, by an index, or
/// by a test.
#[derive(Debug)]
pub(super) struct Topic<T> {
    targets: Vec<T>,
    /// What all conditions look at.
    plan: Plan,
    always: Vec<usize>,
    indexes: Indexes,
    tests: Vec<(usize, Test)>,
}

impl<T: Clone> Topic<T> {
    pub(super) fn add(&mut self, target: T, condition: Option<&[u8]>) -> Result<(), ConditionError> {
        let place = self.targets.len();
        self.targets.push(target);
        match condition {
            None => self.always.push(place),
            Some(json) => {
                let test = compile(json, &mut self.plan)?;
                self.tests.extend(self.indexes.add(place, test).map(|test| (place, test)));
            }
        }
        Ok(())
    }

    pub(super) fn route(&self, payload: &[u8]) -> Result<Routed<T>, NotJson> {
        if self.always.len() == self.targets.len() {
            return Ok(Routed { targets: self.targets.clone(), known: true, mismatches: 0 });
        }
        let found = self.plan.find(payload)?;
        let mut mismatches = 0;
        let mut places = self.always.clone();
        self.indexes.look_up(&found, &mut mismatches, |place| places.push(place));
        for (place, test) in &self.tests {
            if test.holds(Subject::Payload(&found), &mut mismatches) {
                places.push(*place);
            }
        }
        places.sort_unstable();
        Ok(Routed {
            targets: places.iter().map(|&place| self.targets[place].clone()).collect(),
            known: true,
            mismatches,
        })
    }
}

impl<T> Default for Topic<T> {
    fn default() -> Self {
        Self {
            targets: Vec::new(),
            plan: Plan::default(),
            always: Vec::new(),
            indexes: Indexes::default(),
            tests: Vec::new(),
        }
    }
}
