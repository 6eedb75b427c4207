//! Register: the declared set replaces the one before, and jobs that wait for it find their place.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::clock::Micros;
use crate::commit::{Commit, Operation, Parked};
use crate::condition::Condition;
use crate::engine::contract::{Message, Registered, Subscription};
use crate::engine::enqueue::{Planner, route};
use crate::engine::load::read_anew;
use crate::engine::parts::{Parts, Running};
use crate::engine::sequence::Sequence;
use crate::engine::settle::bury;
use crate::engine::subscribed::{Directory, Subscribed};
use crate::error::{Error, Result};
use crate::job::Failure;
use crate::lane::PRIORITIES;
use crate::route::{Entry, Routes};
use crate::store::parked;

/// Parked messages that are routed in one commit.
const BATCH: usize = 256;

/// See the contract.
pub fn register(parts: &Parts, subscriptions: Vec<Subscription>) -> Result<Registered> {
    require_valid(&subscriptions)?;
    parts.require_open()?;
    let _registering = parts.registering.lock();
    parts.wait(parts.committed(), None)?;
    let adopted = adopt(parts, &subscriptions)?;
    let routed_before = declare(parts, subscriptions)?;
    parts.wait(routed_before, None)?; // what the old routes have parked is in the file
    let unparked = unpark(parts)?;
    let number = parts.sequence()?.committed;
    let directory = parts.directory.load();
    let orphans = directory.all().filter(|known| known.orphaned());
    let waiting = orphans.map(|known| (known.declared().id.clone(), known.unfinished.load(Ordering::Acquire)));
    let orphans = waiting.filter(|(_, count)| *count > 0).collect();
    parts.wait(number, None)?;
    Ok(Registered { orphans, adopted, unparked })
}

/// Finds what is wrong before anything changes.
fn require_valid(subscriptions: &[Subscription]) -> Result<()> {
    let mut seen = HashSet::new();
    let mut twice: Vec<_> = subscriptions.iter().map(|one| one.id.as_str()).filter(|id| !seen.insert(*id)).collect();
    if !twice.is_empty() {
        twice.sort_unstable();
        twice.dedup();
        return Err(Error::Value(format!("subscriptions are declared twice: {}", twice.join(", "))));
    }
    for Subscription { id, priority, condition, .. } in subscriptions {
        if !usize::try_from(*priority).is_ok_and(|priority| priority < PRIORITIES) {
            return Err(Error::Value(format!("{id}: priority is 0 to 9, not {priority}")));
        }
        if let Some(condition) = condition {
            Condition::compile(condition)?;
        }
    }
    Ok(())
}

/// Gives the jobs and the schedule of former ids to their successors; returns the number of waiting jobs.
fn adopt(parts: &Parts, subscriptions: &[Subscription]) -> Result<i64> {
    let wanted: HashSet<_> = subscriptions.iter().map(|one| one.id.as_str()).collect();
    let mut adopted = 0;
    for successor in subscriptions {
        for old in successor.was.iter().filter(|old| !wanted.contains(old.as_str())) {
            adopted += rename(parts, old, &successor.id)?;
        }
    }
    Ok(adopted)
}

fn rename(parts: &Parts, old: &str, new: &str) -> Result<i64> {
    let mut sequence = parts.sequence()?; // first: whoever replaces the directory holds it
    let mut directory = Directory::clone(&parts.directory.load());
    let Some(former) = directory.by_id.get(old).cloned() else {
        return Ok(0);
    };
    if let Some(target) = directory.by_id.get(new) {
        drop(sequence);
        return merge(parts, &former, target, old, new);
    }
    let mut commit = Commit::default();
    sequence.rename(old, new, &mut commit);
    parts.commit(&mut sequence, commit);
    former.rename(new);
    directory.by_id.remove(old);
    directory.add(new, Arc::clone(&former));
    parts.directory.store(Arc::new(directory));
    Ok(former.unfinished.load(Ordering::Acquire))
}

/// Both have jobs: the rows change hands in the file, and memory is read anew from there.
fn merge(parts: &Parts, source: &Subscribed, target: &Subscribed, old: &str, new: &str) -> Result<i64> {
    loop {
        let publishing = parts.publishing.lock();
        let mut sequence = parts.sequence()?;
        if !sequence.unsynced.is_empty() {
            let number = sequence.committed;
            drop((sequence, publishing));
            parts.wait(number, None)?;
            continue;
        }
        let mut running = parts.running()?;
        if !running.leases.is_empty() {
            return Err(Error::Engine(format!(
                "\"{new}\" cannot adopt the jobs of \"{old}\" while jobs run; register before the first claim"
            )));
        }
        let moved = source.unfinished.load(Ordering::Acquire);
        // Written here, under all locks: a job that came, or was claimed, between the rows' change and their reading
        // would be there twice.
        let mut commit = Commit { number: sequence.committed, ..Commit::default() };
        commit.write(Operation::Merge { from: source.number, into: target.number });
        let written = parts.store.commit(&[Arc::new(commit)]);
        written
            .and_then(|()| read_anew(parts, &mut sequence, &mut running))
            .map_err(|error| parts.fail(&error.to_string()))?;
        hand_out_anew(parts, &mut running);
        return Ok(moved);
    }
}

/// Replaces the declared set and the route table, under all locks: nobody sees half of it, and no job is claimed by the
/// wrong kind. Returns the newest commit: all that come later are routed anew.
fn declare(parts: &Parts, subscriptions: Vec<Subscription>) -> Result<i64> {
    let _publishing = parts.publishing.lock();
    let mut sequence = parts.sequence()?;
    let mut running = parts.running()?;
    let mut commit = Commit::default();
    let mut directory = Directory::clone(&parts.directory.load());
    let subscriptions: Vec<_> = subscriptions.into_iter().map(Arc::new).collect();
    let mut entries = Vec::with_capacity(subscriptions.len());
    directory.all().for_each(|known| known.orphan());
    for subscription in &subscriptions {
        let known = know(parts, &mut sequence, &mut directory, &subscription.id, &mut commit);
        known.declare(Arc::clone(subscription));
        entries.push(Entry {
            id: &subscription.id,
            topic: &subscription.topic,
            condition: subscription.condition.as_deref(),
            target: known,
        });
    }
    parts.routes.store(Arc::new(Routes::new(entries)?));
    parts.directory.store(Arc::new(directory));
    if commit.count() > 0 {
        parts.commit(&mut sequence, commit);
    }
    hand_out_anew(parts, &mut running);
    bury_condemned(parts, &mut sequence);
    Ok(sequence.committed)
}

fn know(
    parts: &Parts,
    sequence: &mut Sequence,
    directory: &mut Directory,
    id: &str,
    commit: &mut Commit,
) -> Arc<Subscribed> {
    if let Some(known) = directory.by_id.get(id) {
        return Arc::clone(known);
    }
    let number = sequence.number(id, commit);
    let known = Arc::new(Subscribed::new(number, id, &parts.settings));
    directory.add(id, Arc::clone(&known));
    known
}

/// The subscription of an id, made as an orphan when it is new.
pub fn subscribed(parts: &Parts, sequence: &mut Sequence, id: &str, commit: &mut Commit) -> Arc<Subscribed> {
    if let Some(known) = parts.directory.load().by_id.get(id) {
        return Arc::clone(known);
    }
    let mut directory = Directory::clone(&parts.directory.load());
    let known = know(parts, sequence, &mut directory, id, commit);
    parts.directory.store(Arc::new(directory));
    known
}

/// A subscription's kind, places or existence may have changed: both schedulers start from nothing. The caller holds
/// all locks, so that no lane is activated meanwhile.
fn hand_out_anew(parts: &Parts, running: &mut Running) {
    let directory = parts.directory.load();
    let mut suspects = Vec::new();
    for (scheduler, activated) in running.schedulers.iter_mut().zip(&parts.activated) {
        scheduler.reset(activated);
        suspects.extend(scheduler.suspects.drain(..));
    }
    for suspect in suspects {
        let kind = directory.get(suspect.0.record.sub).kind();
        running.schedulers[kind as usize].suspects.push_back(suspect);
    }
    directory.all().for_each(|known| parts.offer(known));
    parts.rouse(running);
}

fn bury_condemned(parts: &Parts, sequence: &mut Sequence) {
    let directory = parts.directory.load();
    for record in std::mem::take(&mut sequence.condemned) {
        let message = format!("the process died {} times while this job was running", record.crashes);
        let error =
            Failure { kind: "Crashed".to_owned(), message, traceback: String::new(), reason: "crashed".to_owned() };
        let mut commit = Commit::default();
        let mut planner = Planner { parts, sequence, commit: &mut commit, now: parts.clock.now() };
        bury(&mut planner, &directory, &record, error);
        parts.commit(sequence, commit);
    }
}

/// Routes the parked messages whose topics have subscriptions now; returns how many have jobs.
fn unpark(parts: &Parts) -> Result<i64> {
    let (mut after, mut count) = (0, 0);
    loop {
        let page = {
            let reader = parts.store.reader()?;
            parked::page(&reader, after, parts.clock.now(), BATCH)?
        };
        let Some(last) = page.last() else {
            return Ok(count);
        };
        after = last.id;
        count += unpark_batch(parts, &page)?;
    }
}

fn unpark_batch(parts: &Parts, page: &[Parked]) -> Result<i64> {
    let routes = parts.routes.load_full();
    let known = page.iter().filter(|parked| routes.knows(&parked.topic));
    let mut wanted = Vec::new();
    for parked in known {
        let message = message(parked);
        let route = route(&routes, &message)?;
        if !route.targets.is_empty() {
            wanted.push((parked.id, message, route)); // else no condition is true: it waits on
        }
    }
    if wanted.is_empty() {
        return Ok(0);
    }
    let number = {
        let mut sequence = parts.sequence()?;
        let mut commit = Commit::default();
        let now = parts.clock.now();
        for (id, message, route) in &wanted {
            commit.write(Operation::Unpark { message: *id });
            let mut planner = Planner { parts, sequence: &mut sequence, commit: &mut commit, now };
            planner.plan(message, route, Some(*id));
        }
        parts.commit(&mut sequence, commit)
    };
    parts.wait(number, None)?; // one batch at a time: bounded
    Ok(i64::try_from(wanted.len()).unwrap_or(i64::MAX))
}

fn message(parked: &Parked) -> Message {
    let options: serde_json::Value = serde_json::from_slice(&parked.options).unwrap_or_default();
    let number = |name: &str| -> Option<Micros> { options.get(name)?.as_i64() };
    Message {
        topic: parked.topic.clone(),
        payload: Arc::clone(&parked.payload),
        run_at: number("run_at"),
        priority: number("priority"),
        meta: Arc::clone(&parked.meta),
        ..Message::default()
    }
}
