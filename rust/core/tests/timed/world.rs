//! A store, a committer, a reader, two clocks, and what is expected of each job.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use motia_core::wheel::timed::{Place, Scheduled, Timed};
use proptest::sample::Index;

use super::Op;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Job {
    id: i64,
    due: i64,
    due_elapsed: Option<i64>,
}

impl Scheduled for Job {
    fn id(&self) -> i64 {
        self.id
    }

    fn due(&self) -> i64 {
        self.due
    }

    fn due_elapsed(&self) -> Option<i64> {
        self.due_elapsed
    }
}

/// What is expected of a job.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Life {
    /// A commit schedules it that is not published.
    Made,
    /// Published.
    Waiting(Job),
    Out,
    /// A commit that is not published ends it.
    Settling,
}

#[derive(Debug)]
struct Commit {
    /// A job that was out and is so no more.
    left: Option<i64>,
    /// Jobs that it schedules.
    scheduled: Vec<Job>,
}

#[derive(Debug)]
enum Load {
    Idle,
    Asked(Place),
    Found(Vec<Job>, bool),
}

pub(crate) struct World {
    limit: usize,
    chunk: usize,
    /// Whether what is handed over leaves out what is not published.
    overlay: bool,
    now: i64,
    elapsed: i64,
    timed: Timed<Job>,
    /// The rows that say "scheduled", by job.
    rows: BTreeMap<i64, i64>,
    pending: VecDeque<Commit>,
    flying: Vec<Commit>,
    load: Load,
    lives: BTreeMap<i64, Life>,
    window: Vec<i64>,
    next_id: i64,
}

impl World {
    pub(crate) fn new(limit: usize, chunk: usize, overlay: bool) -> Self {
        Self {
            limit,
            chunk,
            overlay,
            now: 1_000,
            elapsed: 0,
            timed: Timed::new(limit),
            rows: BTreeMap::new(),
            pending: VecDeque::new(),
            flying: Vec::new(),
            load: Load::Idle,
            lives: BTreeMap::new(),
            window: Vec::new(),
            next_id: 1,
        }
    }

    pub(crate) fn step(&mut self, op: Op) {
        match op {
            Op::Delay { after, count } => {
                let jobs = (0..count).map(|_| self.delayed(None, after)).collect();
                self.commit(None, jobs);
            }
            Op::RunAt { offset } => {
                let job = Job { id: self.id(), due: self.now + offset, due_elapsed: None };
                self.commit(None, vec![job]);
            }
            Op::Window => {
                let id = self.id();
                self.window.push(id);
            }
            Op::FailWindow { which, after } => self.fail_window(which, after),
            Op::Done { which } => self.settle(which, None),
            Op::Again { which, after } => self.settle(which, Some(after)),
            Op::Write { commits } => _ = self.write(commits),
            Op::Publish => _ = self.publish(),
            Op::Tick => _ = self.tick(),
            Op::Read => _ = self.read(),
            Op::Load => _ = self.loaded(),
            Op::Advance { by } => {
                self.now += by;
                self.elapsed += by;
            }
            Op::Jump { by } => self.now = (self.now + by).max(0),
            Op::Rest => self.rest(),
            Op::Restart { suspects } => self.restart(suspects),
        }
        self.check();
    }

    /// Settles what comes out until nothing is left.
    pub(crate) fn end(&mut self) {
        for _ in 0..10_000 {
            self.rest();
            let out = self.out();
            if out.is_empty() {
                let Some(wait) = self.timed.next_due(self.now, self.elapsed) else { break };
                self.step(Op::Advance { by: wait });
            }
            for id in out {
                self.settle_job(id, None);
            }
        }
        assert!(self.lives.is_empty(), "never handed out: {:?}", self.lives);
        assert!(self.timed.is_empty());
        assert_eq!(self.rows, BTreeMap::new());
    }

    fn id(&mut self) -> i64 {
        self.next_id += 1;
        self.next_id
    }

    fn delayed(&mut self, id: Option<i64>, after: i64) -> Job {
        let id = id.unwrap_or_else(|| self.id());
        Job { id, due: self.now + after, due_elapsed: Some(self.elapsed + after) }
    }

    fn commit(&mut self, left: Option<i64>, scheduled: Vec<Job>) {
        self.lives.extend(left.map(|id| (id, Life::Settling)));
        self.lives.extend(scheduled.iter().map(|job| (job.id, Life::Made)));
        self.pending.push_back(Commit { left, scheduled });
    }

    fn fail_window(&mut self, which: Index, after: i64) {
        if !self.window.is_empty() {
            let id = self.window.swap_remove(which.index(self.window.len()));
            let job = self.delayed(Some(id), after);
            self.commit(None, vec![job]);
        }
    }

    fn settle(&mut self, which: Index, again: Option<i64>) {
        let out = self.out();
        if !out.is_empty() {
            let id = *out.iter().nth(which.index(out.len())).expect("an index below the length");
            self.settle_job(id, again);
        }
    }

    fn settle_job(&mut self, id: i64, again: Option<i64>) {
        self.timed.leave(id);
        let jobs = again.map(|after| self.delayed(Some(id), after));
        self.commit(Some(id), jobs.into_iter().collect());
    }

    fn out(&self) -> BTreeSet<i64> {
        self.lives.iter().filter(|(_, life)| **life == Life::Out).map(|(id, _)| *id).collect()
    }

    fn is_full(&self) -> bool {
        self.out().len() >= self.limit
    }

    /// Each of the next five says whether there was something to do.
    fn write(&mut self, commits: usize) -> bool {
        if !self.flying.is_empty() {
            return false;
        }
        self.flying = self.pending.drain(..commits.min(self.pending.len())).collect();
        for commit in &self.flying {
            if let Some(id) = commit.left {
                self.rows.remove(&id);
            }
            self.rows.extend(commit.scheduled.iter().map(|job| (job.id, job.due)));
        }
        !self.flying.is_empty()
    }

    fn publish(&mut self) -> bool {
        let flying = std::mem::take(&mut self.flying);
        for commit in &flying {
            if let Some(id) = commit.left {
                self.timed.forget(id);
                self.lives.retain(|other, life| *other != id || *life == Life::Made);
            }
            for job in &commit.scheduled {
                self.lives.insert(job.id, Life::Waiting(*job));
                if self.timed.hands_over(job, self.now, self.elapsed) {
                    assert!(!self.is_full());
                    self.timed.take_out(job.id);
                    self.handed_out(*job);
                } else {
                    self.timed.add(*job);
                }
            }
        }
        !flying.is_empty()
    }

    fn tick(&mut self) -> bool {
        let full = self.is_full();
        let due = self.timed.due(self.now, self.elapsed);
        assert!(!full || due.is_empty());
        for job in &due {
            self.handed_out(*job);
        }
        if let Some(from) = self.timed.load(self.now) {
            assert!(matches!(self.load, Load::Idle), "two loads at once");
            self.load = Load::Asked(from);
            return true;
        }
        !due.is_empty()
    }

    fn read(&mut self) -> bool {
        let Load::Asked(from) = self.load else { return false };
        let mut places: Vec<Place> =
            self.rows.iter().map(|(id, due)| (*due, *id)).filter(|place| *place >= from).collect();
        places.sort_unstable();
        places.truncate(self.chunk);
        let more = places.len() == self.chunk;
        let found = places.into_iter().map(|(due, id)| Job { id, due, due_elapsed: None }).collect();
        self.load = Load::Found(found, more);
        true
    }

    fn loaded(&mut self) -> bool {
        match std::mem::replace(&mut self.load, Load::Idle) {
            Load::Found(found, more) => {
                let flying = self.flying.iter().filter(|_| self.overlay).flat_map(|commit| &commit.scheduled);
                let unpublished: BTreeSet<i64> = flying.map(|job| job.id).collect();
                self.timed.loaded(found, more, |id| unpublished.contains(&id));
                true
            }
            other => {
                self.load = other;
                false
            }
        }
    }

    fn handed_out(&mut self, job: Job) {
        let life = self.lives.insert(job.id, Life::Out);
        let Some(Life::Waiting(expected)) = life else { panic!("{job:?} handed out while {life:?}") };
        assert_eq!(job.due, expected.due, "{job:?}");
        let due = job.due_elapsed.map_or(job.due <= self.now, |due| due <= self.elapsed);
        assert!(due, "{job:?} handed out at {} and {}", self.now, self.elapsed);
        assert!(job.due_elapsed.is_none() || job == expected);
    }

    fn rest(&mut self) {
        for _ in 0..10_000 {
            let steps = [Self::publish, |world: &mut Self| world.write(3), Self::tick, Self::read, Self::loaded];
            let busy = steps.map(|step| step(self));
            self.check();
            if !busy.contains(&true) {
                return self.check_rest();
            }
        }
        panic!("it does not come to rest");
    }

    /// Everything that is due by both clocks is out, unless there is no place for it; and somebody wakes in time for the
    /// rest of it. What only one of them calls due may be in memory or in the store, and follows the one or the other.
    fn check_rest(&mut self) {
        if self.is_full() {
            return;
        }
        let wait = |job: &Job| (job.due - self.now).max(job.due_elapsed.map_or(0, |due| due - self.elapsed));
        let waiting =
            self.lives.values().filter_map(|life| if let Life::Waiting(job) = life { Some(wait(job)) } else { None });
        let soonest = waiting.min();
        let next = self.timed.next_due(self.now, self.elapsed);
        assert_ne!(next, Some(0), "a timer that is always due would spin");
        match soonest {
            Some(wait) => assert!(next.is_some_and(|next| next <= wait), "due in {wait}, wakes in {next:?}"),
            None => assert_eq!((next, self.timed.is_empty()), (None, true)),
        }
    }

    fn check(&mut self) {
        assert!(self.timed.len() <= 2 * self.limit + self.chunk, "{} in memory", self.timed.len());
        assert_eq!(self.timed.out().collect::<BTreeSet<_>>(), self.out());
        let waiting = self.lives.values().any(|life| matches!(life, Life::Waiting(_)));
        assert!(!waiting || !self.timed.is_empty());
        let next = self.timed.next_due(self.now, self.elapsed);
        if self.is_full() {
            assert_eq!(next, None, "with {} out", self.out().len());
        } else if waiting && matches!(self.load, Load::Idle) {
            assert_ne!(next, None, "with {} out", self.out().len());
        }
    }

    fn restart(&mut self, suspects: usize) {
        let suspects: Vec<i64> =
            self.out().into_iter().filter(|id| self.rows.contains_key(id)).take(suspects).collect();
        self.pending.clear();
        self.flying.clear();
        self.window.clear();
        self.load = Load::Idle;
        self.elapsed = 0;
        let jobs = self.rows.iter().map(|(id, due)| Job { id: *id, due: *due, due_elapsed: None });
        self.lives = jobs.map(|job| (job.id, Life::Waiting(job))).collect();
        self.timed = Timed::stored(self.limit);
        for id in suspects {
            self.timed.take_out(id);
            self.lives.insert(id, Life::Out);
        }
    }
}
