//! The thread that makes commits durable, in groups: takes what is pending, writes it as one transaction, syncs once,
//! publishes. There is no artificial delay: an idle enqueue costs one sync, a loaded engine shares one among hundreds.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::clock::seconds;
use crate::commit::Commit;
use crate::engine::parts::Parts;
use crate::engine::publish::publish;
use crate::engine::sequence::Sequence;
use crate::error::{Error, Result};

/// Operations of one group, so that a group of large commits does not hold up the small ones behind it for long.
const GROUP_OPERATIONS: usize = 16_384;

/// Runs until the engine is closed, or stopped.
pub fn run(parts: &Parts) {
    let outcome = catch_unwind(AssertUnwindSafe(|| write_groups(parts)));
    match outcome {
        Ok(Ok(())) => {}
        Ok(Err(cause)) => drop(parts.fail(&cause)),
        // Whatever it was, what waits for this thread must not hang.
        Err(_) => drop(parts.fail("the committer panicked, which is a mistake in motia_fast")),
    }
}

fn write_groups(parts: &Parts) -> Result<(), String> {
    while let Some(group) = take(parts) {
        let started = parts.clock.elapsed();
        parts.store.commit(&group).map_err(|error| error.to_string())?;
        parts.sync.add(seconds(parts.clock.elapsed() - started));
        published(parts, &group);
        drop(group);
        parts.store.checkpoint().map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn take(parts: &Parts) -> Option<Vec<Arc<Commit>>> {
    let mut sequence = parts.sequence.lock();
    while sequence.unsynced.is_empty() && !sequence.closing {
        parts.work.wait(&mut sequence);
    }
    let group = next_group(&sequence, parts.settings.group_commits);
    sequence.flying = group.len();
    (!group.is_empty()).then_some(group)
}

fn next_group(sequence: &Sequence, most: usize) -> Vec<Arc<Commit>> {
    let (mut commits, mut operations) = (0, 0);
    let fits = |commit: &&Arc<Commit>| {
        let first = commits == 0;
        commits += commit.commits();
        operations += commit.count();
        first || commits <= most && operations <= GROUP_OPERATIONS
    };
    sequence.unsynced.iter().take_while(fits).cloned().collect()
}

/// The order matters: a job that is handed out has a commit that `durable` includes, and who waited for a commit finds
/// its jobs handed out.
fn published(parts: &Parts, group: &[Arc<Commit>]) {
    let last = group[group.len() - 1].number;
    let publishing = parts.publishing.lock();
    {
        let mut sequence = parts.sequence.lock();
        sequence.unsynced.drain(..group.len());
        sequence.flying = 0;
        for commit in group {
            sequence.operations -= commit.count();
            sequence.bytes -= commit.bytes;
        }
    }
    parts.durable.store(last, Ordering::Release);
    let commits: usize = group.iter().map(|commit| commit.commits()).sum();
    #[expect(clippy::cast_precision_loss, reason = "a group has hundreds of commits")]
    parts.group.add(commits as f64);
    publish(parts, group);
    parts.published.store(last, Ordering::Release);
    drop(publishing);
    let mut progress = parts.progress.lock();
    if progress.watched.is_some_and(|watched| watched <= last) {
        progress.watched = None;
        parts.wake.signal();
    }
    parts.progressed.notify_all();
}

impl Parts {
    /// The highest commit number that survives a crash. Its jobs are handed out: whoever reads it may claim them.
    pub fn durable(&self) -> i64 {
        let durable = self.durable.load(Ordering::Acquire);
        if self.published.load(Ordering::Acquire) < durable {
            drop(self.publishing.lock()); // the committer is handing them out this microsecond
        }
        durable
    }

    /// Blocks until `commit` is durable; false after `timeout` seconds.
    pub fn wait(&self, commit: i64, timeout: Option<f64>) -> Result<bool> {
        self.require_ours()?;
        let deadline = timeout.and_then(|timeout| {
            let timeout = Duration::try_from_secs_f64(timeout.max(0.0)).ok()?;
            Instant::now().checked_add(timeout)
        });
        let mut progress = self.progress.lock();
        if progress.ended {
            return Err(Error::Closed("the engine is closed".to_owned()));
        }
        loop {
            if self.published.load(Ordering::Acquire) >= commit {
                return Ok(true);
            }
            if let Some(failure) = &progress.failure {
                return Err(failure.clone());
            }
            if progress.ended {
                return Err(Error::Closed(format!("the engine was closed before commit {commit} was made")));
            }
            match deadline {
                None => self.progressed.wait(&mut progress),
                Some(deadline) if self.progressed.wait_until(&mut progress, deadline).timed_out() => {
                    return Ok(self.published.load(Ordering::Acquire) >= commit);
                }
                Some(_) => {}
            }
        }
    }

    /// Signals the wake-up once `commit` is durable.
    pub fn watch(&self, commit: i64) -> Result<()> {
        self.require_open()?;
        let mut progress = self.progress.lock();
        if self.published.load(Ordering::Acquire) >= commit || progress.failure.is_some() {
            self.wake.signal();
        } else {
            progress.watched = Some(progress.watched.map_or(commit, |watched| watched.min(commit)));
        }
        Ok(())
    }

    /// Lets the committer finish what is pending, and end.
    pub fn finish_commits(&self) {
        self.sequence.lock().closing = true;
        self.work.notify_one();
    }

    /// The committer has ended: who still waits is told.
    pub fn commits_ended(&self) {
        self.progress.lock().ended = true;
        self.progressed.notify_all();
    }
}
