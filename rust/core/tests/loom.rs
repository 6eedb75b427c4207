//! The wake-up protocol and the activation of lanes, in the orders that their threads can take and with every value that
//! their reads may see: `make loom`.
//!
//! What is pushed here is `Relaxed`, so that nothing but the protocols' own accesses makes it visible.
#![cfg(loom)]

use loom::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
use loom::sync::atomic::{AtomicBool, AtomicUsize, fence};
use loom::sync::{Arc, Mutex};
use loom::thread;
use motia_core::wake::{Armed, Flag};

const PRODUCERS: usize = 2;
const TURNS: usize = 2;

/// Runs it in every order in which threads are interrupted up to 4 times, or `LOOM_MAX_PREEMPTIONS`. Without that bound
/// the wake-up passed as well, in 20 s; the lanes would take hours.
fn model(run: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound.get_or_insert(4);
    builder.check(run);
}

/// A descriptor that orders nothing.
#[derive(Debug)]
struct Fd(AtomicBool);

impl Fd {
    fn new() -> Self {
        Self(AtomicBool::new(false))
    }

    fn is_raised(&self) -> bool {
        self.0.load(Relaxed)
    }
}

impl Flag for Fd {
    fn raise(&self) {
        self.0.store(true, Relaxed);
    }

    fn lower(&self) {
        self.0.store(false, Relaxed);
    }
}

/// One job of each producer, there or not.
#[derive(Debug)]
struct Jobs([AtomicBool; PRODUCERS]);

impl Jobs {
    fn new() -> Self {
        Self(std::array::from_fn(|_| AtomicBool::new(false)))
    }

    fn push(&self, producer: usize) {
        self.0[producer].store(true, Relaxed);
    }

    /// Takes a job that is seen; only one consumer at a time does.
    fn pop(&self) -> bool {
        self.0.iter().any(|job| job.load(Relaxed) && job.swap(false, Relaxed))
    }

    fn any(&self) -> bool {
        self.0.iter().any(|job| job.load(Relaxed))
    }
}

mod wake_up {
    use super::*;

    struct Engine {
        jobs: Jobs,
        wake: Armed<Fd>,
    }

    impl Engine {
        fn produce(&self, producer: usize) {
            self.jobs.push(producer);
            self.wake.signal();
        }

        fn take(&self) {
            while self.jobs.pop() {}
        }
    }

    /// Producers against a consumer that turns twice, woken or not. When all of them rest, a job that was not taken must
    /// have left the flag up, and so must one that comes later: nobody else wakes a consumer that sleeps.
    fn check(turn: fn(&Engine)) {
        model(move || {
            let engine = Arc::new(Engine { jobs: Jobs::new(), wake: Armed::new(Fd::new()) });
            let threads = (0..PRODUCERS).map(|producer| {
                let engine = Arc::clone(&engine);
                thread::spawn(move || engine.produce(producer))
            });
            let threads: Vec<_> = threads.collect();
            for _ in 0..TURNS {
                turn(&engine);
            }
            for thread in threads {
                thread.join().expect("it panics by itself");
            }
            let raised = engine.wake.flag().is_raised();
            assert!(raised || !engine.jobs.any(), "lost: a job waits, and the consumer sleeps");
            engine.produce(0);
            assert!(engine.wake.flag().is_raised(), "lost: a later job cannot wake the consumer");
        });
    }

    #[test]
    fn a_consumer_that_acknowledges_and_then_takes_misses_nothing() {
        check(|engine| {
            engine.wake.acknowledge();
            engine.take();
        });
    }

    #[test]
    #[should_panic(expected = "lost: a job waits")]
    fn one_that_takes_before_it_acknowledges_sleeps_on_a_job() {
        check(|engine| {
            engine.take();
            engine.wake.acknowledge();
        });
    }

    #[test]
    #[should_panic(expected = "lost")]
    fn one_that_reads_after_it_disarmed_sleeps_on_a_job() {
        check(|engine| {
            engine.wake.acknowledge();
            engine.wake.flag().lower();
            engine.take();
        });
    }
}

mod lanes {
    use super::*;

    /// A `SeqCst` access: what loom takes for `AcqRel` by itself.
    fn in_one_order<R>(access: impl FnOnce() -> R) -> R {
        fence(SeqCst);
        let result = access();
        fence(SeqCst);
        result
    }

    /// What may be wrong with an engine.
    #[derive(Clone, Copy, PartialEq)]
    enum Fault {
        None,
        /// A producer counts a job before it pushes it.
        CountsFirst,
        /// The scheduler lets go of a lane without another look.
        LooksOnce,
        /// It looks again, and lets go then.
        LetsGoLast,
    }

    /// One lane, as `lane.rs` has it: its jobs, its places, and the scheduler that claimers hold a lock on.
    ///
    /// Flags change by exchanges only: loom lets a store come before an exchange that was over, which no machine does.
    struct Engine {
        fault: Fault,
        jobs: Jobs,
        /// Rises after a push and falls before a pop.
        len: AtomicUsize,
        /// Places that are free.
        places: AtomicUsize,
        active: AtomicBool,
        /// Whether the queue of activated lanes has it.
        activated: AtomicBool,
        /// Whether the scheduler's rotation has it.
        rotation: Mutex<bool>,
        wake: Armed<Fd>,
    }

    impl Engine {
        fn new(fault: Fault, places: usize) -> Self {
            Self {
                fault,
                jobs: Jobs::new(),
                len: AtomicUsize::new(0),
                places: AtomicUsize::new(places),
                active: AtomicBool::new(false),
                activated: AtomicBool::new(false),
                rotation: Mutex::new(false),
                wake: Armed::new(Fd::new()),
            }
        }

        fn publish(&self, producer: usize) {
            if self.fault == Fault::CountsFirst {
                in_one_order(|| self.len.fetch_add(1, AcqRel));
                self.jobs.push(producer);
            } else {
                self.jobs.push(producer);
                in_one_order(|| self.len.fetch_add(1, AcqRel));
            }
            self.offer();
        }

        fn settle(&self) {
            in_one_order(|| self.places.fetch_add(1, AcqRel));
            self.offer();
        }

        fn offer(&self) {
            if self.has_work() {
                if !in_one_order(|| self.active.swap(true, AcqRel)) {
                    self.activated.swap(true, Release);
                }
                self.wake.signal();
            }
        }

        fn has_work(&self) -> bool {
            in_one_order(|| self.len.load(Acquire)) > 0 && in_one_order(|| self.places.load(Acquire)) > 0
        }

        /// Takes up to `room` jobs; whether it was that many, so that the caller must ask again.
        fn claim(&self, room: usize) -> bool {
            let mut rotation = self.rotation.lock().expect("no claimer panics");
            *rotation |= self.activated.swap(false, Acquire);
            let mut taken = 0;
            while *rotation && taken < room {
                if self.has_work() {
                    assert!(self.jobs.pop(), "counted, but not there");
                    self.len.fetch_sub(1, AcqRel);
                    self.places.fetch_sub(1, AcqRel);
                    taken += 1;
                } else {
                    *rotation = self.keeps();
                }
            }
            taken == room
        }

        /// Lets go of a lane that had no work, unless it has some after all and nobody else has activated it.
        fn keeps(&self) -> bool {
            let let_go = || in_one_order(|| self.active.swap(false, AcqRel));
            match self.fault {
                Fault::LooksOnce => {
                    let_go();
                    false
                }
                Fault::LetsGoLast => {
                    let keeps = self.has_work();
                    let_go();
                    keeps && !in_one_order(|| self.active.swap(true, AcqRel))
                }
                _ => {
                    let_go();
                    self.has_work() && !in_one_order(|| self.active.swap(true, AcqRel))
                }
            }
        }
    }

    /// Others against a claimer, which turns once while they do what they do. When all of them rest, a job that has a
    /// place must be in a lane that the next claim finds, and somebody must know that there has to be one.
    fn check(fault: Fault, room: usize, places: usize, others: [fn(&Engine); 2]) {
        model(move || {
            let engine = Arc::new(Engine::new(fault, places));
            let threads = others.map(|other| {
                let engine = Arc::clone(&engine);
                thread::spawn(move || other(&engine))
            });
            engine.wake.acknowledge();
            let more = engine.claim(room);
            for thread in threads {
                thread.join().expect("it panics by itself");
            }
            while engine.jobs.any() && engine.places.load(Relaxed) > 0 {
                assert!(more || engine.wake.flag().is_raised(), "lost: a job waits, and nobody claims");
                let before = engine.places.load(Relaxed);
                engine.claim(room);
                assert!(engine.places.load(Relaxed) < before, "lost: a job waits in a lane that is not active");
            }
        });
    }

    const ALL: usize = PRODUCERS + 1;

    fn first(engine: &Engine) {
        engine.publish(0);
    }

    fn second(engine: &Engine) {
        engine.publish(1);
    }

    #[test]
    fn no_job_is_left_in_a_lane_that_is_not_active_or_that_nobody_looks_at() {
        check(Fault::None, ALL, PRODUCERS, [first, second]);
    }

    #[test]
    fn nor_where_a_claim_takes_one_job() {
        check(Fault::None, 1, PRODUCERS, [first, second]);
    }

    #[test]
    fn nor_where_it_comes_with_the_place_that_it_needs() {
        check(Fault::None, ALL, 0, [first, Engine::settle]);
    }

    #[test]
    fn nor_where_another_job_takes_the_place() {
        check(Fault::None, ALL, 1, [first, second]);
    }

    #[test]
    #[should_panic(expected = "counted, but not there")]
    fn a_producer_that_counts_before_it_pushes_sends_a_claimer_for_nothing() {
        check(Fault::CountsFirst, ALL, PRODUCERS, [first, second]);
    }

    #[test]
    #[should_panic(expected = "lost: a job waits in a lane that is not active")]
    fn a_scheduler_that_looks_once_loses_a_job() {
        check(Fault::LooksOnce, ALL, PRODUCERS, [first, second]);
    }

    #[test]
    #[should_panic(expected = "lost: a job waits in a lane that is not active")]
    fn one_that_looks_again_before_it_lets_go_loses_a_job() {
        check(Fault::LetsGoLast, ALL, PRODUCERS, [first, second]);
    }
}
