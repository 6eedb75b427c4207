//! Fuzz bodies: plain functions of bytes, which panic where the engine is wrong.
//!
//! The driver of this crate runs them on a stable compiler, `cargo run --release -p motia-fuzz -- --seconds 60`; any
//! other fuzzer can call them too.
#![forbid(unsafe_code)]

mod bodies;
pub mod corpus;
pub mod mutate;
mod oracle;
pub mod random;
mod values;

pub use bodies::{BODIES, Body};
