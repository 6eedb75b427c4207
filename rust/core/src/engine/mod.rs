//! The engine: the verbs of the contract, each in the module of its name, over the lanes, wheels and leases on one side
//! and the store on the other, which do not know each other.

#![expect(clippy::missing_errors_doc, reason = "contract.py says of each verb what it raises")]

pub mod claim;
pub mod committer;
pub mod contract;
pub mod dead;
pub mod enqueue;
pub mod inspect;
mod letter;
mod load;
pub mod open;
pub mod parts;
mod publish;
pub mod reader;
pub mod register;
pub mod schedule;
pub mod sequence;
pub mod settle;
pub mod state;
pub mod stats;
pub mod subscribed;
pub mod tick;
pub mod views;

use crate::engine::contract::{Settlement, Turn};
use crate::engine::parts::Parts;
use crate::error::Result;
use crate::job::Kind;

/// `settle`, then `claim`, in one crossing; and the owner's notices of that kind, each once.
pub fn turn(parts: &Parts, owner: &str, kind: Kind, settlements: Vec<Settlement>, limit: usize) -> Result<Turn> {
    let (settled, mut ready) = settle::settle_quietly(parts, settlements)?;
    let jobs = claim::claim(parts, owner, kind, limit)?;
    // Who got less than it asked for has taken all there was: nobody need be woken for that.
    ready[kind as usize] &= jobs.len() == limit;
    if ready != [false; 2] {
        parts.wake.signal();
    }
    let overdue = parts.running()?.leases.notices(owner, kind);
    Ok(Turn { settled, jobs, overdue })
}
