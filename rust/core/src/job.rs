//! One job: what its row says, and what can become of a run.

use std::sync::Arc;

use crate::clock::Micros;

/// Bytes that are kept as they came in: shared, never changed.
pub type Bytes = Arc<[u8]>;

/// Where a job's row stands. The window's jobs cost no index entry: an ordinary life is one INSERT and one DELETE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Place {
    Window = 0,
    Spilled = 1,
    Scheduled = 2,
    Dead = 3,
    Keyed = 4,
}

impl Place {
    /// As the column `place` has it; what no format knows counts as in the window.
    #[must_use]
    pub fn from_column(value: i64) -> Self {
        match value {
            1 => Self::Spilled,
            2 => Self::Scheduled,
            3 => Self::Dead,
            4 => Self::Keyed,
            _ => Self::Window,
        }
    }
}

/// Why an attempt failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub kind: String,
    pub message: String,
    pub traceback: String,
    pub reason: String,
}

/// One row of the table `job`. A change makes a new record; payload and meta are shared between them.
#[derive(Clone, Debug)]
pub struct Record {
    pub id: i64,
    pub message: i64,
    /// The subscription's number in the file.
    pub sub: u32,
    pub priority: u8,
    pub enqueued: Micros,
    pub meta: Bytes,
    pub payload: Bytes,
    pub place: Place,
    /// When it is due (scheduled) or died (dead), on the wall.
    pub due: Option<Micros>,
    /// When it is due on the elapsed clock; `None` where the wall decides.
    pub due_elapsed: Option<Micros>,
    /// Attempts made.
    pub attempt: u32,
    pub crashes: u32,
    /// How it failed last.
    pub error: Option<Arc<Failure>>,
}

impl Record {
    /// Bytes of what the user gave.
    #[must_use]
    pub fn size(&self) -> usize {
        self.payload.len() + self.meta.len()
    }
}

/// The right to run one job, until it is settled or its owner ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Lease {
    pub job: i64,
    pub boot: i64,
    pub epoch: i64,
}

/// Who may run a job: a task of the event loop, or a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Async = 0,
    Thread = 1,
}

/// What became of a run. Seconds as the caller gave them.
#[derive(Clone, Debug)]
pub enum Outcome {
    Done,
    Failed(Failure),
    Retried { after: f64, error: Failure },
    Snoozed { seconds: f64 },
    Skipped,
    Died(Failure),
    Released,
}
