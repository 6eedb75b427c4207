//! The engine of `motia_fast`: durable jobs, delays, retries, conditions and state on one `SQLite` file.
//!
//! It knows no Python, and it has no runtime of its own.
#![forbid(unsafe_code)]

pub mod clock;
pub mod commit;
pub mod condition;
pub mod directory;
pub mod disk;
pub mod engine;
pub mod error;
pub mod job;
pub mod lane;
pub mod lease;
pub mod log;
pub mod metrics;
pub mod retry;
pub mod route;
pub mod running;
pub mod settings;
pub mod state;
pub mod store;
mod sync;
pub mod update;
pub mod wake;
pub mod wheel;
