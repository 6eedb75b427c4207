//! The engine as others use it: what goes wrong when threads meet, and when somebody sleeps too long.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod races;
mod rig;
mod waking;
