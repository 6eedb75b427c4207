//! The scheduled jobs of one subscription against a store, a committer and a reader that take their time.
//!
//! The model makes commits that become durable later, and are published later still; it loads from snapshots that are
//! old when they are handed over; it settles in between, stops the process, and sets the wall forwards and back. At each
//! step, nothing may be handed out twice, before it is due, or before it is published, and memory is bounded; at rest,
//! everything that is due is out; in the end, every job was handed out for every time it was scheduled.

mod timed;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestError, TestRunner};
use timed::Op;
use timed::world::World;

fn histories() -> impl Strategy<Value = (usize, usize, Vec<Op>)> {
    (1..7_usize, 1..7_usize, prop::collection::vec(timed::op(), 1..250))
        .prop_map(|(limit, chunk, ops)| (limit, chunk.min(limit), ops))
}

fn run(config: &Config, overlay: bool) -> Result<(), TestError<(usize, usize, Vec<Op>)>> {
    TestRunner::new(Config { failure_persistence: None, ..config.clone() }).run(&histories(), |(limit, chunk, ops)| {
        let mut world = World::new(limit, chunk, overlay);
        for op in ops {
            world.step(op);
        }
        world.end();
        Ok(())
    })
}

#[test]
fn every_scheduled_job_comes_out_once_at_its_time() {
    if let Err(error) = run(&Config { cases: 4_000, ..Config::default() }, true) {
        panic!("{error:?}");
    }
}

/// A control of the model: a snapshot shows rows whose commits are not published yet, and a load that takes them brings
/// those jobs once more than their commits do.
#[test]
fn a_load_that_brings_what_is_not_published_is_found_out() {
    let config = Config { cases: 4_000, max_shrink_iters: 0, ..Config::default() };
    assert!(matches!(run(&config, false), Err(TestError::Fail(..))));
}
