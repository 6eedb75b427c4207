//! Conditions once more, as plainly as they can be had: a tree of the whole payload, a walk for each path, numbers as
//! decimals. It shares no code with the engine.

mod decimal;
mod evaluate;
mod read;

pub(crate) use evaluate::{holds, is_modest};
pub(crate) use read::{Json, read};
