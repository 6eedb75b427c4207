//! What an engine is opened with; `contract.EngineSettings` has the defaults and says what each field means.

use std::path::PathBuf;
use std::sync::Arc;

use crate::clock::Clock;

/// What an acknowledged job survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Each group is synced to the disk.
    Sync,
    /// A killed process, not a power cut.
    Os,
    /// Nothing: no database at all.
    Memory,
}

/// Sizes are bytes, durations seconds.
#[derive(Clone, Debug)]
pub struct Settings {
    pub data_dir: Option<PathBuf>,
    pub durability: Durability,
    pub lock_wait: f64,
    pub concurrency: usize,
    pub window_jobs: usize,
    pub window_bytes: usize,
    pub pending_operations: usize,
    pub pending_bytes: usize,
    pub group_commits: usize,
    pub min_free_disk: u64,
    pub max_payload: usize,
    pub max_value: usize,
    pub state_cache_bytes: usize,
    pub parked_for: f64,
    pub dead_for: f64,
    pub max_crashes: u32,
    pub history: usize,
    pub clock: Arc<Clock>,
}
