//! Enqueue: route, make one job for each subscription, commit.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::clock::{FOREVER, Micros, micros};
use crate::commit::{Commit, Operation, Parked};
use crate::engine::contract::{Enqueued, Message, Receipt};
use crate::engine::parts::Parts;
use crate::engine::sequence::Sequence;
use crate::engine::subscribed::Subscribed;
use crate::error::{Error, Result};
use crate::job::{Place, Record};
use crate::lane::PRIORITIES;
use crate::route::Routed;

/// Where one message goes.
pub type Route = Routed<Arc<Subscribed>>;

/// See the contract. Conditions are evaluated outside of the lock.
pub fn enqueue(parts: &Parts, messages: &[Message]) -> Result<Enqueued> {
    for message in messages {
        check(message, parts.settings.max_payload)?;
    }
    parts.require_working()?;
    let mut table = parts.routes.load_full();
    let mut routed = route_all(&table, messages)?;
    let mut sequence = parts.sequence()?;
    while !Arc::ptr_eq(&table, &parts.routes.load()) {
        table = parts.routes.load_full();
        routed = route_all(&table, messages)?;
    }
    parts.disk.require_room()?;
    let count = routed.iter().map(|route| route.targets.len().max(1)).sum();
    let bytes = messages.iter().map(|message| message.payload.len()).sum();
    sequence.require_room(&parts.settings, count, bytes)?;
    let mut commit = Commit::default();
    commit.inserted.reserve(count);
    let now = parts.clock.now();
    let mut planner = Planner { parts, sequence: &mut sequence, commit: &mut commit, now };
    let pairs = messages.iter().zip(&routed);
    let receipts = pairs.map(|(message, route)| planner.plan(message, route, None)).collect();
    let number = if commit.count() > 0 { parts.commit(&mut sequence, commit) } else { sequence.committed };
    Ok(Enqueued { commit: number, receipts })
}

fn route_all(routes: &crate::route::Routes<Arc<Subscribed>>, messages: &[Message]) -> Result<Vec<Route>> {
    messages.iter().map(|message| route(routes, message)).collect()
}

/// Where a message goes.
pub fn route(routes: &crate::route::Routes<Arc<Subscribed>>, message: &Message) -> Result<Route> {
    Ok(routes.route(&message.topic, message.subscription.as_deref(), &message.payload)?)
}

/// Refuses what no job can be made of.
pub fn check(message: &Message, limit: usize) -> Result<()> {
    let topic = &message.topic;
    if message.payload.len() > limit {
        let size = message.payload.len();
        return Err(Error::PayloadTooLarge(format!(
            "message for \"{topic}\": {size} bytes, more than max_payload={limit}"
        )));
    }
    let wrong = |what: String| Err(Error::Value(format!("message for \"{topic}\": {what}")));
    match message {
        Message { priority: Some(priority), .. } if usize::try_from(*priority).is_ok_and(|p| p < PRIORITIES) => {}
        Message { priority: Some(priority), .. } => return wrong(format!("priority is 0 to 9, not {priority}")),
        Message { .. } => {}
    }
    match message.run_at {
        Some(at) if !(0..=FOREVER).contains(&at) => wrong(format!("run_at is microseconds since 1970, not {at}")),
        _ => match message.delay {
            Some(delay) if !(delay >= 0.0 && delay.is_finite()) => wrong(format!("delay is 0 s or more, not {delay}")),
            _ => Ok(()),
        },
    }
}

/// Adds what becomes of messages to a commit, which is going to be made: lanes already keep their places.
pub struct Planner<'a> {
    pub parts: &'a Parts,
    pub sequence: &'a mut Sequence,
    pub commit: &'a mut Commit,
    pub now: Micros,
}

impl Planner<'_> {
    /// What becomes of one message; `id` is its own if it has one already.
    pub fn plan(&mut self, message: &Message, route: &Route, id: Option<i64>) -> Receipt {
        let message_id = id.unwrap_or_else(|| self.sequence.ids.take());
        self.sequence.mismatches += route.mismatches;
        let job_ids: Vec<i64> = route.targets.iter().map(|target| self.job(message, message_id, target)).collect();
        let parked = job_ids.is_empty() && !route.known;
        if parked {
            self.park(message, message_id);
        } else if job_ids.is_empty() {
            *self.sequence.unmatched.entry(message.topic.clone()).or_default() += 1;
        }
        Receipt { message_id, job_ids, parked }
    }

    fn job(&mut self, message: &Message, message_id: i64, target: &Subscribed) -> i64 {
        let id = self.sequence.ids.take();
        let (own_priority, own_delay) = target.with(|declared| (declared.priority, declared.delay));
        let mut record = Record {
            id,
            message: message_id,
            sub: target.number,
            priority: u8::try_from(message.priority.unwrap_or(own_priority)).unwrap_or_default(),
            enqueued: self.now,
            meta: Arc::clone(&message.meta),
            payload: Arc::clone(&message.payload),
            place: Place::Window,
            due: None,
            due_elapsed: None,
            attempt: 0,
            crashes: 0,
            error: None,
        };
        self.place(&mut record, message, target, own_delay);
        self.commit.bytes += record.size();
        self.commit.inserted.push(Arc::new(record));
        target.counters.enqueued.raise();
        target.unfinished.fetch_add(1, Ordering::AcqRel);
        id
    }

    fn place(&self, record: &mut Record, message: &Message, target: &Subscribed, own_delay: f64) {
        let delay = message.delay.unwrap_or(own_delay);
        match message.run_at {
            Some(at) if at > self.now => schedule(target, record, at, None),
            None if delay > 0.0 => {
                let delay = micros(delay);
                schedule(target, record, self.now + delay, Some(self.parts.clock.elapsed() + delay));
            }
            _ => line_up(target, record),
        }
    }

    fn park(&mut self, message: &Message, id: i64) {
        let until = self.now + micros(self.parts.settings.parked_for);
        let run_at = message.delay.map_or(message.run_at, |delay| Some(self.now + micros(delay)));
        let null = || "null".to_owned();
        let options = format!(
            "{{\"priority\":{},\"run_at\":{}}}",
            message.priority.map_or_else(null, |priority| priority.to_string()),
            run_at.map_or_else(null, |at| at.to_string()),
        );
        self.commit.write(Operation::Park(Parked {
            id,
            topic: message.topic.clone(),
            until,
            options: options.into_bytes().into(),
            meta: Arc::clone(&message.meta),
            payload: Arc::clone(&message.payload),
        }));
        self.parts.expire_from(until);
    }
}

/// Makes a job wait for time; the caller writes its row.
pub fn schedule(subscribed: &Subscribed, record: &mut Record, due: Micros, due_elapsed: Option<Micros>) {
    record.place = Place::Scheduled;
    record.due = Some(due);
    record.due_elapsed = due_elapsed;
    subscribed.scheduled.fetch_add(1, Ordering::AcqRel);
}

fn line_up(target: &Subscribed, record: &mut Record) {
    let lane = target.lane(record.priority);
    if lane.admits(record.size()) {
        lane.promise(record.size());
    } else {
        record.place = Place::Spilled;
        lane.spill();
    }
}
