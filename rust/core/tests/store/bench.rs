//! What the committer pays for a job. `cargo test --release -p motia-core --test store -- --ignored --nocapture lives`

use std::sync::Arc;
use std::time::Instant;

use motia_core::commit::Commit;
use motia_core::job::Record;
use motia_core::settings::Durability;
use motia_core::store::{SqliteStore, Store};
use rustix::time::{ClockId, clock_gettime};

use crate::rig::{Rig, bytes, deletes, inserts, job};

/// CPU seconds of this thread.
#[expect(clippy::cast_precision_loss, reason = "seconds of a test")]
fn cpu() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Half of each group are new jobs of 100 bytes, half are the end of those that came two groups before.
fn groups(count: i64, commits: i64) -> Vec<Vec<Arc<Commit>>> {
    let half = commits / 2;
    let payload = bytes(&"x".repeat(100));
    let group = |number: i64| {
        let new = (number * half + 1..=(number + 1) * half)
            .map(|id| inserts(number, [Record { payload: payload.clone(), ..job(id) }]));
        let old = ((number - 2) * half + 1..=(number - 1) * half).filter(|id| *id > 0).map(|id| deletes(number, [id]));
        new.chain(old).collect()
    };
    (0..count).map(group).collect()
}

#[test]
#[ignore = "takes its time: job lives per second"]
#[expect(clippy::print_stdout, reason = "what it finds")]
#[expect(clippy::cast_precision_loss, reason = "counts of a test")]
fn lives() {
    for (durability, count, commits) in [
        (Durability::Sync, 500, 256),
        (Durability::Os, 4_000, 256),
        (Durability::Os, 1_000, 1_024),
        (Durability::Memory, 4_000, 256),
    ] {
        let rig = Rig::new();
        let path = rig.path();
        let path = (durability != Durability::Memory).then_some(path.as_path());
        let store = SqliteStore::open(path, durability, Arc::default()).unwrap();
        let work = groups(count, commits);
        let (started, before) = (Instant::now(), cpu());
        for group in &work {
            store.commit(group).unwrap();
            store.checkpoint().unwrap();
        }
        let (wall, used) = (started.elapsed().as_secs_f64(), cpu() - before);
        let lives = (count * commits / 2) as f64;
        println!(
            "{durability:?}, groups of {commits} commits: {:.0} lives/s, {:.2} µs of CPU each; wal {} kB",
            lives / wall,
            used / lives * 1e6,
            store.sizes().unwrap().wal / 1_000,
        );
    }
}
