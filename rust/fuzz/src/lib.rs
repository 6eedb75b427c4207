//! Fuzz bodies: plain functions of bytes, which panic where the engine is wrong.
//!
//! The driver of this crate runs them on a stable compiler, `cargo run --profile fuzz -p motia-fuzz -- --seconds 60`;
//! `libfuzzer/` has them for cargo-fuzz, which sees what an input reaches, and wants a nightly one.
#![forbid(unsafe_code)]

mod bodies;
pub mod corpus;
pub mod mutate;
mod oracle;
pub mod random;
mod values;

pub use bodies::{BODIES, Body};

/// Runs the body of that name.
///
/// # Panics
///
/// Where the engine is wrong about the bytes, and where there is no such body.
pub fn run(name: &str, data: &[u8]) {
    let body = BODIES.iter().find(|body| body.name == name).expect("the name of a body");
    (body.run)(data);
}
