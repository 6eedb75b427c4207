//! The values of the contract: what verbs take and return (`contract.py` says what each means).

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::clock::Micros;
use crate::error::Error;
use crate::job::{Bytes, Kind, Lease, Outcome, Record};
use crate::metrics::Histogram;
use crate::retry::RetryPolicy;
use crate::settings::Durability;
use crate::state::StateWrite;
use crate::store::jobs::Attempt;

/// One trigger of one step on one topic.
#[derive(Clone, Debug)]
pub struct Subscription {
    pub id: String,
    pub step: String,
    pub topic: String,
    pub kind: Kind,
    pub priority: i64,
    pub concurrency: usize,
    pub retry: RetryPolicy,
    pub delay: f64,
    pub timeout: Option<f64>,
    pub dead_letter_topic: Option<String>,
    pub condition: Option<Vec<u8>>,
    pub was: Vec<String>,
}

impl Subscription {
    /// What is known of a subscription that nobody declares any more.
    #[must_use]
    pub fn orphan(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            step: id.split('/').next().unwrap_or_default().to_owned(),
            topic: String::new(),
            kind: Kind::Async,
            priority: 5,
            concurrency: 10,
            retry: RetryPolicy::default(),
            delay: 0.0,
            timeout: Some(900.0),
            dead_letter_topic: None,
            condition: None,
            was: Vec::new(),
        }
    }
}

/// What `register` found.
#[derive(Clone, Debug, Default)]
pub struct Registered {
    /// Waiting jobs of subscriptions that are not declared, by id.
    pub orphans: BTreeMap<String, i64>,
    pub adopted: i64,
    pub unparked: i64,
}

/// What a user enqueues.
#[derive(Clone, Debug, Default)]
pub struct Message {
    pub topic: String,
    pub payload: Bytes,
    pub subscription: Option<String>,
    pub delay: Option<f64>,
    pub run_at: Option<Micros>,
    pub priority: Option<i64>,
    pub meta: Bytes,
}

/// What became of one message.
#[derive(Clone, Debug)]
pub struct Receipt {
    pub message_id: i64,
    pub job_ids: Vec<i64>,
    pub parked: bool,
}

/// What became of one call of `enqueue`.
#[derive(Clone, Debug)]
pub struct Enqueued {
    pub commit: i64,
    pub receipts: Vec<Receipt>,
}

/// One message for one subscription, claimed.
#[derive(Clone, Debug)]
pub struct Claimed {
    pub lease: Lease,
    pub record: Arc<Record>,
    pub subscription: Arc<Subscription>,
}

/// What else the commit of a settlement holds.
#[derive(Clone, Debug)]
pub enum Effect {
    Message(Message),
    State(StateWrite),
}

/// One run's end.
#[derive(Clone, Debug)]
pub struct Settlement {
    pub lease: Lease,
    pub outcome: Outcome,
    pub effects: Vec<Effect>,
}

/// What became of a batch of settlements.
#[derive(Debug)]
pub struct Settled {
    pub commit: i64,
    pub refused: Vec<(Lease, Error)>,
}

/// One crossing. `overdue` are the notices of the owner.
#[derive(Debug)]
pub struct Turn {
    pub settled: Settled,
    pub jobs: Vec<Claimed>,
    pub overdue: Vec<Lease>,
}

/// What is kept of one cron trigger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleRow {
    pub subscription: String,
    pub expression: String,
    pub zone: String,
    pub last: Micros,
}

/// A job's state as people see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobState {
    Ready,
    Scheduled,
    Running,
    Dead,
}

/// A job at one moment.
#[derive(Clone, Debug)]
pub struct JobView {
    pub record: Arc<Record>,
    pub subscription: Arc<Subscription>,
    pub state: JobState,
    pub at: Option<Micros>,
    pub orphaned: bool,
    pub attempts: Vec<Attempt>,
}

/// Which jobs: those that fit every field that is given.
#[derive(Clone, Debug, Default)]
pub struct JobFilter {
    pub ids: Option<Vec<i64>>,
    pub step: Option<String>,
    pub subscription: Option<String>,
    pub state: Option<JobState>,
}

/// A finished job, as the bounded history remembers it.
#[derive(Clone, Debug)]
pub struct Finished {
    pub id: i64,
    pub subscription: Arc<Subscription>,
    pub skipped: bool,
    pub attempt: u32,
    pub at: Micros,
}

/// One subscription's gauges and counters.
#[derive(Clone, Debug)]
pub struct SubscriptionStats {
    pub subscription: Arc<Subscription>,
    pub ready: usize,
    pub scheduled: usize,
    pub running: usize,
    pub dead: usize,
    pub orphaned: bool,
    pub oldest: f64,
    pub enqueued: u64,
    pub done: u64,
    pub failed: u64,
    pub retried: u64,
    pub snoozed: u64,
    pub skipped: u64,
    pub died: u64,
    pub wait: Histogram,
    pub run: Histogram,
}

/// The whole engine at one moment.
#[derive(Clone, Debug)]
pub struct Stats {
    pub durability: Durability,
    pub committed: i64,
    pub durable: i64,
    pub pending_operations: usize,
    pub pending_bytes: usize,
    pub parked: usize,
    pub unmatched: BTreeMap<String, u64>,
    pub mismatches: u64,
    pub subscriptions: Vec<SubscriptionStats>,
    pub group: Histogram,
    pub sync: Histogram,
    pub database_bytes: u64,
    pub wal_bytes: u64,
    pub free_pages: u64,
    pub disk_low: bool,
}
