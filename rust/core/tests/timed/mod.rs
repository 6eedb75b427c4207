//! What can happen to the scheduled jobs of a subscription.

pub(crate) mod world;

use proptest::prelude::*;
use proptest::sample::Index;

/// One thing that happens. Times are microseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Op {
    /// A commit schedules new jobs.
    Delay {
        after: i64,
        count: usize,
    },
    RunAt {
        offset: i64,
    },
    /// A commit makes a job that is ready at once, and may fail later: then its id is older than its schedule.
    Window,
    FailWindow {
        which: Index,
        after: i64,
    },
    /// A job that is out is done, or scheduled anew.
    Done {
        which: Index,
    },
    Again {
        which: Index,
        after: i64,
    },
    /// The committer writes and syncs so many commits, then publishes them.
    Write {
        commits: usize,
    },
    Publish,
    /// The timer's thread.
    Tick,
    /// The reader opens its snapshot, and hands over what it found there.
    Read,
    Load,
    /// Time passes.
    Advance {
        by: i64,
    },
    /// The wall is set.
    Jump {
        by: i64,
    },
    /// All threads do what they have to.
    Rest,
    /// The process is killed and starts again; of the jobs that were out, so many are suspects.
    Restart {
        suspects: usize,
    },
}

/// Any of them.
pub(crate) fn op() -> impl Strategy<Value = Op> {
    let which = any::<Index>;
    prop_oneof![
        8 => (0..60_i64, 1..4_usize).prop_map(|(after, count)| Op::Delay { after, count }),
        1 => (0..60_i64, 5..20_usize).prop_map(|(after, count)| Op::Delay { after, count }),
        4 => (-20..60_i64).prop_map(|offset| Op::RunAt { offset }),
        2 => Just(Op::Window),
        2 => (which(), 0..60_i64).prop_map(|(which, after)| Op::FailWindow { which, after }),
        6 => which().prop_map(|which| Op::Done { which }),
        4 => (which(), 0..60_i64).prop_map(|(which, after)| Op::Again { which, after }),
        8 => (1..5_usize).prop_map(|commits| Op::Write { commits }),
        8 => Just(Op::Publish),
        8 => Just(Op::Tick),
        8 => Just(Op::Read),
        8 => Just(Op::Load),
        5 => (0..30_i64).prop_map(|by| Op::Advance { by }),
        2 => (-80..80_i64).prop_map(|by| Op::Jump { by }),
        2 => Just(Op::Rest),
        1 => (0..3_usize).prop_map(|suspects| Op::Restart { suspects }),
    ]
}
