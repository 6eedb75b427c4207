//! One commit: an all-or-nothing list of changes, numbered in the order in which it became visible in memory.

use std::sync::Arc;

use crate::clock::Micros;
use crate::job::{Bytes, Failure, Place, Record};

/// A message that waits for a subscription on its topic.
#[derive(Clone, Debug)]
pub struct Parked {
    pub id: i64,
    pub topic: String,
    pub until: Micros,
    /// `{"priority", "run_at"}` as JSON.
    pub options: Bytes,
    pub meta: Bytes,
    pub payload: Bytes,
}

/// A failure that a commit adds to a job. `attempt` is the number of the run that failed.
#[derive(Clone, Debug)]
pub struct Failed {
    pub job: i64,
    pub at: Micros,
    pub attempt: u32,
    pub error: Arc<Failure>,
}

/// Changes beside new and finished jobs, in the order in which they are written.
#[derive(Clone, Debug)]
pub enum Operation {
    /// Ids below it may be in use.
    Reserve {
        next_id: i64,
    },
    Name {
        number: u32,
        text: String,
    },
    Rename {
        number: u32,
        text: String,
    },
    /// Place, due, attempt and crashes of a job that stays.
    Reschedule {
        job: i64,
        place: Place,
        due: Option<Micros>,
        attempt: u32,
        crashes: u32,
    },
    /// A dead letter is due again, with all its attempts before it and perhaps another payload.
    Revive {
        job: i64,
        due: Micros,
        payload: Bytes,
    },
    Attempt(Failed),
    ForgetAttempts {
        job: i64,
    },
    /// All jobs of one subscription become another's; both windows are spilled.
    Merge {
        from: u32,
        into: u32,
    },
    Park(Parked),
    Unpark {
        message: i64,
    },
    SetState {
        id: i64,
        group: Arc<str>,
        key: Arc<str>,
        version: i64,
        expires: Option<Micros>,
        value: Bytes,
    },
    DeleteState {
        group: Arc<str>,
        key: Arc<str>,
    },
    ClearState {
        group: Arc<str>,
    },
    Schedule {
        sub: u32,
        expression: String,
        zone: String,
        last: Micros,
    },
    /// What is expired at `now` goes; dead letters that died at `died` or before, unless they are being retried.
    Sweep {
        now: Micros,
        died: Option<Micros>,
    },
}

/// See the module. What becomes of its jobs in memory once it is durable is read from the same lists.
#[derive(Debug, Default)]
pub struct Commit {
    /// Its number; where several commits that need no order among them share one, the last of their numbers.
    pub number: i64,
    /// How many commits share it beyond the first.
    pub shared: usize,
    /// New rows of `job`.
    pub inserted: Vec<Arc<Record>>,
    /// Jobs that are gone.
    pub deleted: Vec<i64>,
    pub operations: Vec<Operation>,
    /// Jobs, not new ones, in their new form: scheduled or dead.
    pub changed: Vec<Arc<Record>>,
    /// Jobs that were due, as (subscription, id): their rows no longer say "scheduled" once this is durable.
    pub left: Vec<(u32, i64)>,
    /// State items that it writes, as (group, key).
    pub keys: Vec<(Arc<str>, Arc<str>)>,
    /// Whether it removes what is expired, so that the next expiry is to be found afterwards.
    pub sweeps: bool,
    /// Bytes of what users gave.
    pub bytes: usize,
}

impl Commit {
    /// Operations that it takes of the bound on what is pending.
    #[must_use]
    pub fn count(&self) -> usize {
        self.inserted.len() + self.deleted.len() + self.operations.len()
    }

    /// Commits that it is: 1, and those that share it.
    #[must_use]
    pub fn commits(&self) -> usize {
        1 + self.shared
    }

    /// Adds one operation.
    pub fn write(&mut self, operation: Operation) {
        self.bytes += match &operation {
            Operation::Revive { payload, .. } => payload.len(),
            Operation::Park(parked) => parked.payload.len() + parked.meta.len() + parked.options.len(),
            Operation::SetState { value, .. } => value.len(),
            _ => 0,
        };
        self.operations.push(operation);
    }

    /// The parked messages that it adds.
    pub fn parked(&self) -> impl Iterator<Item = &Parked> {
        self.operations.iter().filter_map(|operation| match operation {
            Operation::Park(parked) => Some(parked),
            _ => None,
        })
    }

    /// The failures that it adds to jobs.
    pub fn attempts(&self) -> impl Iterator<Item = &Failed> {
        self.operations.iter().filter_map(|operation| match operation {
            Operation::Attempt(failed) => Some(failed),
            _ => None,
        })
    }
}
