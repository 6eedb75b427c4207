//! Everything that can go wrong, as the contract names it. The texts say what was wrong, where, and what to do.

use std::path::PathBuf;

use thiserror::Error;

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// One variant for each error of the contract (`motia_fast/errors.py`).
#[derive(Clone, Debug, Error)]
pub enum Error {
    #[error("{0}")]
    Closed(String),
    #[error("this engine belongs to the parent process; use motia_fast.Client(data_dir) in a child")]
    Forked,
    #[error("{0}")]
    Stopped(String),
    #[error("{0}")]
    PendingFull(String),
    #[error("{0}")]
    DiskLow(String),
    #[error("{0}")]
    LeaseLost(String),
    #[error("{0}")]
    UnknownSubscription(String),
    #[error("{0}")]
    PayloadTooLarge(String),
    #[error("state {group}/{key} has version {found}, expected {expected}; read it again and retry")]
    VersionConflict { group: String, key: String, expected: i64, found: i64 },
    #[error("{0}")]
    UpdateRefused(String),
    #[error("{0}")]
    Condition(String),
    /// A payload, or a value, that is not JSON.
    #[error("{0}")]
    NotJson(String),
    /// An argument that no caller should give.
    #[error("{0}")]
    Value(String),
    /// `holder` is what the lock file says: a JSON object, or nothing.
    #[error("the data directory {} is in use", path.display())]
    DataDirLocked { path: PathBuf, holder: Vec<u8> },
    #[error("{0}")]
    DataDirUnusable(String),
    #[error("{} has format {found}, and this motia_fast reads up to format {supported}; upgrade motia-fast", path.display())]
    FormatTooNew { path: PathBuf, found: i64, supported: i64 },
    #[error("{0}")]
    StoreCorrupt(String),
    #[error("{0}")]
    Engine(String),
}
