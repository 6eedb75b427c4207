#![forbid(unsafe_code)]
//! Scratch.
pub mod condition;
pub mod route;
