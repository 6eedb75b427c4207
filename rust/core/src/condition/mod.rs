//! Conditions: whether one holds for a payload, and how many of its comparisons met a value of another type.
//!
//! The language, its JSON and its meaning are in the docstring of `motia_fast.conditions`; the specification is the pure
//! engine's `condition.py`, which this agrees with, mismatches included. The conditions of a topic share one plan: one
//! pass over the payload checks that it is JSON and finds all places that any of them looks at. What is inside of arrays
//! and objects there is read when a condition asks for it, and once for all conditions.

mod compile;
mod evaluate;
mod number;
mod plan;
mod scan;
mod string;
#[cfg(test)]
mod tests;
mod value;

pub(crate) use compile::compile;
pub use compile::{ConditionError, MAX_DEPTH};
pub(crate) use evaluate::{Ask, Members, Place, Subject, Test};
pub(crate) use plan::Plan;
pub use scan::NotJson;

use crate::error::Error;
pub(crate) use value::{Kind, Scalar, Value};

/// What became of an evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the condition holds.
    pub matched: bool,
    /// Comparisons that met a value of a type that they do not take.
    pub mismatches: u64,
}

/// A compiled condition, safe to share between threads.
#[derive(Debug)]
pub struct Condition {
    plan: Plan,
    test: Test,
}

impl Condition {
    /// Compiles what `Condition.to_json()` makes in Python.
    ///
    /// # Errors
    ///
    /// Says what of the JSON is not a condition, and why.
    pub fn compile(json: &[u8]) -> Result<Self, ConditionError> {
        let mut plan = Plan::default();
        let test = compile(json, &mut plan)?;
        Ok(Self { plan, test })
    }

    /// The verdict on an encoded payload.
    ///
    /// # Errors
    ///
    /// The payload is not JSON, anywhere in it.
    pub fn evaluate(&self, payload: &[u8]) -> Result<Verdict, NotJson> {
        let found = self.plan.find(payload)?;
        let mut mismatches = 0;
        let matched = self.test.holds(Subject::Payload(&found), &mut mismatches);
        Ok(Verdict { matched, mismatches })
    }
}

impl From<ConditionError> for Error {
    fn from(error: ConditionError) -> Self {
        Self::Condition(error.to_string())
    }
}

impl From<NotJson> for Error {
    fn from(error: NotJson) -> Self {
        Self::NotJson(error.to_string())
    }
}
