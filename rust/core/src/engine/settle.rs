//! Settle: a run ends. One function for each outcome.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use parking_lot::MutexGuard;

use crate::clock::{Micros, micros, seconds};
use crate::commit::{Commit, Failed, Operation};
use crate::engine::contract::{Effect, Finished, Message, Settled, Settlement};
use crate::engine::enqueue::{Planner, Route, check, route, schedule};
use crate::engine::letter::letter;
use crate::engine::parts::{Parts, Running};
use crate::engine::publish::Touched;
use crate::engine::sequence::Sequence;
use crate::engine::state::load_keys;
use crate::engine::subscribed::{Directory, Subscribed};
use crate::error::{Error, Result};
use crate::job::{Failure, Lease, Outcome, Place, Record};
use crate::lane::Ready;
use crate::retry::{backoff, exhausted};
use crate::state::StateWrite;
use crate::state::plan::{Change, Plan, PlanContext, Planned, keep, plan};

/// Operations that one settlement takes at most, its effects aside: the row, the attempt, a dead letter's message.
const OPERATIONS: usize = 3;

/// See the contract.
pub fn settle(parts: &Parts, settlements: Vec<Settlement>) -> Result<Settled> {
    let (settled, ready) = settle_quietly(parts, settlements)?;
    if ready != [false; 2] {
        parts.wake.signal();
    }
    Ok(settled)
}

/// As `settle`, but leaves it to the caller to tell who claims jobs of either kind that there may be some.
pub(super) fn settle_quietly(parts: &Parts, settlements: Vec<Settlement>) -> Result<(Settled, [bool; 2])> {
    if settlements.is_empty() {
        parts.require_working()?;
        let commit = parts.committed.load(Ordering::Acquire);
        let settled = Settled { commit, refused: Vec::new() };
        return Ok((settled, [false; 2]));
    }
    let sequence = parts.sequence()?;
    let wanted = settlements.iter().map(|settlement| OPERATIONS + settlement.effects.len()).sum();
    sequence.require_room(&parts.settings, wanted, 0)?;
    let mut batch = Batch::new(parts, sequence);
    let mut refused = Vec::new();
    for settlement in settlements {
        let lease = settlement.lease;
        if let Err(error) = batch.settle(settlement) {
            parts.require_working()?; // it may have ended while a cold key was read
            refused.push((lease, error));
        }
    }
    let (commit, ready) = batch.finish()?;
    Ok((Settled { commit, refused }, ready))
}

/// All leases of an owner that was asked to stop; returns their number. No attempt is counted.
pub fn release(parts: &Parts, owner: &str) -> Result<usize> {
    let mut batch = Batch::new(parts, parts.sequence()?);
    let jobs = batch.running.leases.of(owner);
    for job in &jobs {
        let record = batch.end(*job);
        batch.released.push(record);
    }
    if batch.finish()?.1 != [false; 2] {
        parts.wake.signal();
    }
    Ok(jobs.len())
}

/// Makes a job dead that does not run: its last process died of it. The caller appends the commit.
pub fn bury(planner: &mut Planner<'_>, directory: &Directory, record: &Arc<Record>, error: Failure) {
    let subscribed = directory.get(record.sub);
    leave_wheel(planner.parts, subscribed, planner.commit, record);
    die(planner, subscribed, Record::clone(record), error);
}

/// Runs that end together, under one hold of the locks.
struct Batch<'a> {
    parts: &'a Parts,
    sequence: MutexGuard<'a, Sequence>,
    running: MutexGuard<'a, Running>,
    directory: Arc<Directory>,
    now: Micros,
    elapsed: Micros,
    /// Jobs that are simply over: their commits share one, since an order among them means nothing to anybody.
    over: Commit,
    released: Vec<Arc<Record>>,
    touched: Touched,
    /// A place has become free which jobs of other subscriptions may wait for.
    rouse: bool,
}

impl<'a> Batch<'a> {
    fn new(parts: &'a Parts, sequence: MutexGuard<'a, Sequence>) -> Self {
        Self {
            parts,
            sequence,
            running: parts.running.lock(),
            directory: parts.directory.load_full(),
            now: parts.clock.now(),
            elapsed: parts.clock.elapsed(),
            over: Commit::default(),
            released: Vec::new(),
            touched: Touched::default(),
            rouse: false,
        }
    }

    fn settle(&mut self, settlement: Settlement) -> Result<()> {
        let Settlement { lease, outcome, effects } = settlement;
        if !self.running.leases.holds(lease) {
            return Err(lost(lease));
        }
        if !effects.is_empty() {
            return self.settle_with(lease, outcome, &effects);
        }
        let record = self.end(lease.job);
        match outcome {
            Outcome::Done => self.finish_plainly(&record, false),
            Outcome::Skipped => self.finish_plainly(&record, true),
            Outcome::Released => self.released.push(record),
            other => self.append(&record, other, Commit::default(), &[]),
        }
        Ok(())
    }

    /// Effects first: whatever is wrong with one concerns this settlement alone, and leaves its job running.
    fn settle_with(&mut self, lease: Lease, outcome: Outcome, effects: &[Effect]) -> Result<()> {
        let writes = state_writes(effects);
        let mut commit = Commit::default();
        let (messages, changes) = loop {
            if !self.running.leases.holds(lease) {
                return Err(lost(lease));
            }
            let messages = self.checked(effects)?;
            if let Some(changes) = self.planned(&mut commit, &writes)? {
                break (messages, changes);
            }
            self.read_cold(&writes)?; // leases and routes may be others afterwards
        };
        let mut planner = self.planner(&mut commit);
        for (message, route) in messages {
            planner.plan(message, &route, None);
        }
        let record = self.end(lease.job);
        if matches!(outcome, Outcome::Released) {
            self.released.push(Arc::clone(&record));
        }
        self.append(&record, outcome, commit, &changes);
        Ok(())
    }

    fn checked<'e>(&self, effects: &'e [Effect]) -> Result<Vec<(&'e Message, Route)>> {
        let routes = self.parts.routes.load();
        let messages = effects.iter().filter_map(|effect| match effect {
            Effect::Message(message) => Some(message),
            Effect::State(_) => None,
        });
        let messages: Vec<_> = messages.collect();
        for message in &messages {
            check(message, self.parts.settings.max_payload)?;
        }
        messages.into_iter().map(|message| Ok((message, route(&routes, message)?))).collect()
    }

    /// `None` if a key is cold.
    fn planned(&mut self, commit: &mut Commit, writes: &[StateWrite]) -> Result<Option<Vec<Change>>> {
        if writes.is_empty() {
            return Ok(Some(Vec::new()));
        }
        let planned = plan_state(self.parts, &mut self.sequence, writes, self.now)?;
        Ok(planned.map(|mut planned| {
            planned.write(commit);
            planned.changes
        }))
    }

    /// Lets go of the locks while the disk is read; what has ended so far is in line before, or back in its lane.
    fn read_cold(&mut self, writes: &[StateWrite]) -> Result<()> {
        self.flush();
        self.give_back();
        self.touched.offer(self.parts, &self.directory);
        let (parts, running, sequence) = (self.parts, &mut self.running, &mut self.sequence);
        MutexGuard::unlocked(running, || {
            MutexGuard::unlocked(sequence, || {
                let keys: Vec<_> = writes.iter().map(|write| (write.group.as_ref(), write.key.as_ref())).collect();
                load_keys(parts, &keys)
            })
        })?;
        self.parts.require_working()?;
        self.directory = self.parts.directory.load_full();
        Ok(())
    }

    fn planner<'b>(&'b mut self, commit: &'b mut Commit) -> Planner<'b> {
        Planner { parts: self.parts, sequence: &mut self.sequence, commit, now: self.now }
    }

    /// The lease ends, and its place is free.
    fn end(&mut self, job: i64) -> Arc<Record> {
        let running = &mut *self.running;
        let full = running.leases.len() >= self.parts.settings.concurrency;
        let run = running.leases.end(job).expect("the caller has seen its lease");
        self.rouse |= full || run.record.crashes > 0;
        running.file.free(run.slot);
        if let Some(deadline) = run.deadline {
            running.deadlines.remove(deadline);
        }
        let subscribed = self.directory.get(run.record.sub);
        subscribed.places.give_back();
        subscribed.counters.run.add(seconds(self.elapsed - run.claimed));
        self.touched.add(run.record.sub);
        run.record
    }

    /// The shortest end, which is nearly every end.
    fn finish_plainly(&mut self, record: &Arc<Record>, skipped: bool) {
        self.over.shared += usize::from(!self.over.deleted.is_empty());
        let directory = Arc::clone(&self.directory);
        let subscribed = directory.get(record.sub);
        finish(self.parts, subscribed, &mut self.over, record, skipped, self.now);
    }

    fn append(&mut self, record: &Arc<Record>, outcome: Outcome, mut commit: Commit, changes: &[Change]) {
        self.flush();
        let directory = Arc::clone(&self.directory);
        let subscribed = directory.get(record.sub);
        if !matches!(outcome, Outcome::Released) {
            leave(&mut self.planner(&mut commit), subscribed, record, outcome);
        }
        if commit.count() > 0 {
            let number = self.parts.commit(&mut self.sequence, commit);
            keep(&mut self.parts.cache.lock(), changes, number);
        }
    }

    fn flush(&mut self) {
        if self.over.count() > 0 {
            let over = std::mem::take(&mut self.over);
            self.parts.commit(&mut self.sequence, over);
        }
    }

    /// Everything is in line, released jobs are at the head of their lanes, and whoever claims knows.
    fn finish(mut self) -> Result<(i64, [bool; 2])> {
        self.flush();
        self.give_back();
        let ready = self.touched.activate(self.parts, &self.directory);
        let suspects = self.running.schedulers.iter().any(|scheduler| !scheduler.suspects.is_empty());
        if suspects && !self.running.leases.suspect_runs() {
            self.parts.wake.signal();
        }
        if self.rouse {
            self.parts.rouse(&mut self.running);
        }
        self.parts.note_running(&mut self.running)?;
        Ok((self.sequence.committed, ready))
    }

    /// The last one first, so that the one that was claimed first is first again.
    fn give_back(&mut self) {
        for record in std::mem::take(&mut self.released).into_iter().rev() {
            let subscribed = self.directory.get(record.sub);
            let ready = Ready { record, since: self.elapsed };
            if ready.record.crashes == 0 {
                subscribed.lane(ready.record.priority).put_back(ready);
            } else {
                subscribed.suspected.fetch_add(1, Ordering::AcqRel);
                let places = Arc::clone(&subscribed.places);
                self.running.schedulers[subscribed.kind() as usize].suspects.push_front((ready, places));
            }
        }
    }
}

fn state_writes(effects: &[Effect]) -> Vec<StateWrite> {
    let writes = effects.iter().filter_map(|effect| match effect {
        Effect::State(write) => Some(write.clone()),
        Effect::Message(_) => None,
    });
    writes.collect()
}

/// Plans state writes on the cache as it is; `None` if a key is cold.
pub fn plan_state(
    parts: &Parts,
    sequence: &mut Sequence,
    writes: &[StateWrite],
    now: Micros,
) -> Result<Option<Planned>> {
    let mut context = PlanContext { now, max_value: parts.settings.max_value, take_id: &mut || sequence.ids.take() };
    let planned = plan(&mut parts.cache.lock(), writes, &mut context)?;
    let Plan::Ready(planned) = planned else {
        return Ok(None);
    };
    if let Some(soonest) = planned.soonest {
        parts.expire_from(soonest);
    }
    Ok(Some(planned))
}

fn lost(lease: Lease) -> Error {
    let Lease { job, boot, epoch } = lease;
    Error::LeaseLost(format!(
        "job {job} is not leased to Lease(job={job}, boot={boot}, epoch={epoch}): it was settled or released"
    ))
}

/// Writes what the outcome makes of the job.
fn leave(planner: &mut Planner<'_>, subscribed: &Subscribed, record: &Arc<Record>, outcome: Outcome) {
    let counters = &subscribed.counters;
    if matches!(outcome, Outcome::Done | Outcome::Skipped) {
        let skipped = matches!(outcome, Outcome::Skipped);
        finish(planner.parts, subscribed, planner.commit, record, skipped, planner.now);
        return;
    }
    leave_wheel(planner.parts, subscribed, planner.commit, record);
    let mut next = Record::clone(record);
    match outcome {
        Outcome::Done | Outcome::Skipped | Outcome::Released => {}
        Outcome::Failed(error) => {
            let chance = planner.parts.chance();
            let after = subscribed.with(|declared| backoff(&declared.retry, next.attempt + 1, chance));
            fail(planner, subscribed, next, error, after);
        }
        Outcome::Retried { after, error } => fail(planner, subscribed, next, error, after),
        Outcome::Snoozed { seconds } => {
            counters.snoozed.raise();
            again(planner, subscribed, next, seconds);
        }
        Outcome::Died(error) => {
            next.attempt += 1;
            counters.failed.raise();
            die(planner, subscribed, next, error);
        }
    }
}

fn leave_wheel(parts: &Parts, subscribed: &Subscribed, commit: &mut Commit, record: &Record) {
    if record.place == Place::Scheduled {
        if subscribed.wheel.lock().leave(record.id) {
            parts.wake.signal();
        }
        commit.left.push((subscribed.number, record.id));
    }
}

fn finish(parts: &Parts, subscribed: &Subscribed, commit: &mut Commit, record: &Record, skipped: bool, now: Micros) {
    leave_wheel(parts, subscribed, commit, record);
    let counters = &subscribed.counters;
    let counter = if skipped { &counters.skipped } else { &counters.done };
    counter.raise();
    subscribed.unfinished.fetch_sub(1, Ordering::AcqRel);
    commit.deleted.push(record.id);
    if record.error.is_some() {
        commit.write(Operation::ForgetAttempts { job: record.id });
    }
    let mut history = parts.history.lock();
    if history.len() >= parts.settings.history {
        history.pop_front();
    }
    if parts.settings.history > 0 {
        history.push_back(Finished {
            id: record.id,
            subscription: subscribed.declared(),
            skipped,
            attempt: record.attempt + 1,
            at: now,
        });
    }
}

fn fail(planner: &mut Planner<'_>, subscribed: &Subscribed, mut record: Record, error: Failure, after: f64) {
    record.attempt += 1;
    subscribed.counters.failed.raise();
    if subscribed.with(|declared| exhausted(&declared.retry, record.attempt)) {
        die(planner, subscribed, record, error);
        return;
    }
    subscribed.counters.retried.raise();
    remember(planner, &mut record, error);
    again(planner, subscribed, record, after);
}

fn again(planner: &mut Planner<'_>, subscribed: &Subscribed, mut record: Record, after: f64) {
    let delay = micros(after.max(0.0));
    record.crashes = 0;
    let elapsed = planner.parts.clock.elapsed();
    schedule(subscribed, &mut record, planner.now + delay, Some(elapsed + delay));
    update(planner.commit, record);
}

fn die(planner: &mut Planner<'_>, subscribed: &Subscribed, mut record: Record, error: Failure) {
    record.place = Place::Dead;
    record.due = Some(planner.now);
    subscribed.counters.died.raise();
    subscribed.unfinished.fetch_sub(1, Ordering::AcqRel);
    let told = subscribed.with(|declared| declared.dead_letter_topic.clone().map(|to| (to, declared.topic.clone())));
    let letter = told.map(|(to, topic)| Message {
        topic: to,
        payload: letter(&record, &error, planner.now, &topic).into(),
        meta: Arc::clone(&record.meta),
        ..Message::default()
    });
    remember(planner, &mut record, error);
    update(planner.commit, record);
    planner.parts.expire_from(planner.now + micros(planner.parts.settings.dead_for));
    if let Some(letter) = letter {
        let routes = planner.parts.routes.load();
        // The letter is JSON, and names no subscription: nothing can be wrong with it.
        if let Ok(route) = route(&routes, &letter) {
            planner.plan(&letter, &route, None);
        }
    }
}

fn update(commit: &mut Commit, record: Record) {
    commit.write(Operation::Reschedule {
        job: record.id,
        place: record.place,
        due: record.due,
        attempt: record.attempt,
        crashes: record.crashes,
    });
    commit.changed.push(Arc::new(record));
}

fn remember(planner: &mut Planner<'_>, record: &mut Record, error: Failure) {
    let error = Arc::new(error);
    planner.commit.write(Operation::Attempt(Failed {
        job: record.id,
        at: planner.now,
        attempt: record.attempt,
        error: Arc::clone(&error),
    }));
    record.error = Some(error);
}
