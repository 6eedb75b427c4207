//! The store against real files: what it refuses, what readers see, and what is left of a group that failed.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod bench;
mod faults;
mod histories;
mod model;
mod opening;
mod properties;
mod reading;
mod rig;
