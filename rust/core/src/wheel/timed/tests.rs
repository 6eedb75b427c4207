//! What is scheduled comes out once, whatever moved the horizon and whenever the reader looked. `tests/model_timed.rs`
//! searches for more of these stories.

use super::*;

const LIMIT: usize = 4;
/// Later than all of them.
const END: Micros = 1_000;

#[derive(Clone, Copy, Debug)]
struct Job {
    id: i64,
    due: Micros,
    due_elapsed: Option<Micros>,
}

impl Scheduled for Job {
    fn id(&self) -> i64 {
        self.id
    }

    fn due(&self) -> Micros {
        self.due
    }

    fn due_elapsed(&self) -> Option<Micros> {
        self.due_elapsed
    }
}

fn at(due: Micros, id: i64) -> Job {
    Job { id, due, due_elapsed: None }
}

/// Jobs that are due at ten times their id, as the reader finds them.
fn found(ids: std::ops::RangeInclusive<i64>) -> Vec<Job> {
    ids.map(|id| at(10 * id, id)).collect()
}

/// It was given the jobs 1 to `count`, of which 1 to 4 are over, and the later ones are in the store alone.
fn drained_half(count: i64) -> Timed<Job> {
    let mut timed = Timed::new(LIMIT);
    for job in found(1..=count) {
        timed.add(job);
    }
    for job in timed.due(40, 0) {
        timed.forget(job.id);
    }
    timed
}

fn published(_: i64) -> bool {
    false
}

fn due(timed: &mut Timed<Job>) -> Vec<i64> {
    timed.due(END, 0).iter().map(Scheduled::id).collect()
}

#[test]
fn what_the_reader_found_is_due_in_order() {
    let mut timed = drained_half(9);
    assert_eq!(timed.load(40), Some((50, 5)));
    timed.loaded(found(5..=9), false, published);
    assert_eq!(due(&mut timed), [5, 6, 7, 8, 9]);
}

#[test]
fn a_job_that_became_durable_after_the_reader_s_snapshot_is_not_passed_over() {
    let mut timed = drained_half(9);
    timed.load(40);
    timed.add(at(100, 10));
    timed.loaded(found(5..=9), false, published);
    assert_eq!(due(&mut timed), [5, 6, 7, 8, 9, 10]);
}

#[test]
fn a_job_that_became_durable_before_the_reader_s_snapshot_comes_once() {
    let mut timed = drained_half(9);
    timed.load(40);
    timed.add(at(100, 10));
    timed.loaded(found(5..=10), false, published);
    assert_eq!(due(&mut timed), [5, 6, 7, 8, 9, 10]);
}

#[test]
fn a_job_that_the_snapshot_has_and_that_is_published_after_the_load_comes_once() {
    let mut timed = drained_half(9);
    timed.load(40);
    timed.loaded(found(5..=10), false, |id| id == 10);
    timed.add(at(100, 10));
    assert_eq!(due(&mut timed), [5, 6, 7, 8, 9, 10]);
}

#[test]
fn jobs_that_leave_memory_before_the_reader_s_snapshot_come_once() {
    let mut timed = drained_half(9);
    timed.load(40);
    for id in 11..20 {
        timed.add(at(30 + id, id)); // sooner than what is in the store, and more than memory takes
    }
    assert_eq!(timed.len(), LIMIT);
    timed.loaded(found(5..=9), false, published);
    assert_eq!(due(&mut timed), [11, 12, 13, 14]);
    for id in 11..=14 {
        timed.forget(id);
    }
    assert_eq!(timed.load(END), Some((45, 15)));
}

#[test]
fn a_load_that_comes_to_the_end_leaves_nothing_to_the_store() {
    let mut timed = drained_half(5);
    assert!(!timed.is_empty());
    timed.load(40);
    timed.loaded(found(5..=5), false, published);
    due(&mut timed);
    assert!(timed.is_empty());
    timed.forget(5);
    assert_eq!((timed.next_due(END, 0), timed.load(END)), (None, None));
}

#[test]
fn a_job_that_is_due_at_once_waits_behind_those_that_are_due_before_it_in_the_store() {
    let timed = drained_half(9);
    assert!(timed.hands_over(&at(49, 10), END, 0));
    assert!(!timed.hands_over(&at(51, 10), END, 0));
}

#[test]
fn a_wall_that_is_set_forwards_brings_what_is_due_by_it_from_behind_jobs_that_follow_the_elapsed_clock() {
    let mut timed = Timed::new(LIMIT);
    for id in 1..=9 {
        timed.add(Job { id, due: 10 * id, due_elapsed: Some(10 * id) });
    }
    assert_eq!(timed.next_due(0, 0), Some(10));
    assert_eq!(timed.next_due(60, 0), Some(0)); // 5 was to be due at 50, and is in the store
    assert!(due(&mut timed).is_empty());
    assert_eq!(timed.load(60), Some((50, 5)));
    assert_eq!(timed.next_due(60, 0), Some(10));
    timed.loaded(found(5..=8), true, published);
    assert_eq!(due(&mut timed), [5, 6, 7, 8]);
}

#[test]
fn a_delay_that_began_during_a_load_follows_the_elapsed_clock_though_the_snapshot_has_it() {
    let mut timed = drained_half(9);
    timed.load(40);
    timed.add(Job { id: 10, due: 100, due_elapsed: Some(100) });
    timed.loaded(found(5..=10), false, published);
    assert_eq!(due(&mut timed), [5, 6, 7, 8, 9]);
    timed.forget(5);
    timed.forget(6);
    assert_eq!(timed.due(0, 100).iter().map(Scheduled::id).collect::<Vec<_>>(), [10]);
}

#[test]
fn what_becomes_durable_during_a_long_load_takes_no_more_memory_than_ever() {
    let mut timed = drained_half(9);
    timed.load(40);
    for job in found(10..=99) {
        timed.add(job);
        assert!(timed.len() <= 2 * LIMIT);
    }
    timed.loaded(found(5..=8), true, published);
    assert_eq!(due(&mut timed), [5, 6, 7, 8]);
}

#[test]
fn a_settled_job_takes_no_place_and_its_row_is_passed_over_until_that_is_durable() {
    let mut timed = Timed::stored(LIMIT);
    for id in 1..=4 {
        timed.take_out(id);
    }
    assert_eq!((timed.next_due(END, 0), timed.load(END)), (None, None)); // no place
    timed.leave(1);
    assert_eq!(timed.out().min(), Some(2));
    assert!(timed.load(END).is_some());
    timed.loaded(found(1..=5), false, published);
    assert_eq!(due(&mut timed), [5]);
}

/// Nanoseconds of CPU a job, and what the longest shrink takes under the lock. Run it with `--release --ignored
/// --nocapture`.
#[test]
#[ignore = "measures"]
#[expect(clippy::print_stdout, reason = "its output is its result")]
fn speed() {
    const LIMIT: usize = 65_536;
    let mut timed = Timed::new(LIMIT);
    let mut longest = 0;
    let started = cpu();
    for id in 0..1_000_000_i64 {
        let delay = 1_000_000 + id * 2_654_435_761 % 1_000_000;
        let job = Arc::new(Job { id, due: id + delay, due_elapsed: Some(id + delay) });
        let shrinks = (timed.len() == 2 * LIMIT).then(cpu);
        timed.add(job);
        longest = longest.max(shrinks.map_or(0, |before| cpu() - before));
    }
    println!("add: {} ns, longest shrink {} us", (cpu() - started) / 1_000_000, longest / 1_000);
    let jobs = i64::try_from(timed.len()).unwrap();
    let started = cpu();
    let mut now = 0;
    while let Some(wait) = timed.next_due(now, now) {
        now += wait.max(1_000); // as many jobs at once as there are in 1 ms
        for job in timed.due(now, now) {
            timed.leave(job.id);
            timed.forget(job.id);
        }
        if timed.load(now).is_some() {
            timed.loaded(Vec::new(), false, published);
        }
    }
    println!("due, leave, forget: {} ns", (cpu() - started) / jobs);
}

fn cpu() -> i64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}
