//! The wheel against a sorted map, and its speed.

use std::collections::{BTreeMap, VecDeque};

use proptest::prelude::*;

use super::{Key, Wheel};
use crate::clock::Micros;

#[derive(Clone, Debug)]
enum Step {
    /// A deadline so far from now.
    Insert(Micros),
    InsertAt(Micros),
    /// Of the keys ever given, which one; it may be of an item that is out.
    Remove(prop::sample::Index),
    Advance(Micros),
    /// The wall is set forwards or back.
    Jump(Micros),
    PopOne,
    NextDue,
    /// All but each so many-th.
    Retain(usize),
}

/// Distances of all magnitudes: a wheel has a level for each factor of 64.
fn distance() -> impl Strategy<Value = Micros> {
    (0..62_u32, any::<u64>()).prop_map(|(bits, random)| (random >> (63 - bits)).cast_signed())
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => distance().prop_map(Step::Insert),
        3 => (0..200_i64).prop_map(Step::Insert),
        1 => (-100..100_i64).prop_map(Step::InsertAt),
        1 => prop_oneof![Just(Micros::MAX), Just(Micros::MAX - 1), Just(Micros::MIN), any::<i64>()].prop_map(Step::InsertAt),
        4 => any::<prop::sample::Index>().prop_map(Step::Remove),
        3 => distance().prop_map(Step::Advance),
        3 => (0..100_i64).prop_map(Step::Advance),
        2 => distance().prop_map(|back| Step::Jump(-back)),
        1 => distance().prop_map(Step::Jump),
        4 => Just(Step::PopOne),
        4 => Just(Step::NextDue),
        1 => (1..6_usize).prop_map(Step::Retain),
    ]
}

/// The wheel, and a map from (deadline, number of the insert) to the number.
#[derive(Default)]
struct Pair {
    wheel: Wheel<usize>,
    model: BTreeMap<(Micros, usize), usize>,
    keys: Vec<(Key, Micros)>,
    now: Micros,
}

impl Pair {
    fn run(&mut self, step: &Step) {
        match step {
            Step::Insert(distance) => self.insert(self.now.saturating_add(*distance)),
            Step::InsertAt(deadline) => self.insert(*deadline),
            Step::Remove(which) => self.remove(*which),
            Step::Advance(distance) | Step::Jump(distance) => {
                self.now = self.now.saturating_add(*distance);
                while self.pop() {}
            }
            Step::PopOne => {
                self.pop();
            }
            Step::NextDue => {
                let soonest = self.model.first_key_value().map(|((deadline, _), _)| *deadline);
                assert_eq!(self.wheel.next_due(), soonest);
            }
            Step::Retain(each) => self.retain(*each),
        }
        assert_eq!(self.wheel.len(), self.model.len());
        assert_eq!(self.wheel.is_empty(), self.model.is_empty());
    }

    fn insert(&mut self, deadline: Micros) {
        let number = self.keys.len();
        self.keys.push((self.wheel.insert(deadline, number), deadline));
        self.model.insert((deadline, number), number);
    }

    fn remove(&mut self, which: prop::sample::Index) {
        if self.keys.is_empty() {
            return;
        }
        let number = which.index(self.keys.len());
        let (key, deadline) = self.keys[number];
        assert_eq!(self.wheel.remove(key), self.model.remove(&(deadline, number)));
    }

    /// Whether something was due.
    fn pop(&mut self) -> bool {
        let first = self.model.first_entry().filter(|entry| entry.key().0 <= self.now);
        let expected = first.map(|entry| (entry.key().0, entry.remove()));
        assert_eq!(self.wheel.pop_due(self.now), expected);
        expected.is_some()
    }

    fn retain(&mut self, each: usize) {
        self.wheel.retain(|number| number % each != 0);
        self.model.retain(|_, number| *number % each != 0);
        let listed: BTreeMap<_, _> = self.wheel.iter().map(|(at, number)| ((at, *number), *number)).collect();
        assert_eq!(listed, self.model);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, ..ProptestConfig::default() })]

    #[test]
    fn it_does_what_a_sorted_map_does(start in distance(), steps in prop::collection::vec(step(), 1..150)) {
        let mut pair = Pair { now: start, ..Pair::default() };
        for step in &steps {
            pair.run(step);
        }
        pair.now = Micros::MAX;
        while pair.pop() {}
        prop_assert!(pair.wheel.is_empty());
    }
}

#[test]
fn a_key_names_nothing_once_its_item_is_out_and_its_place_is_taken_by_another() {
    let mut wheel = Wheel::new();
    let first = wheel.insert(10, "first");
    assert_eq!(wheel.pop_due(10), Some((10, "first")));
    let second = wheel.insert(20, "second");
    assert_eq!(wheel.remove(first), None);
    assert_eq!(wheel.remove(second), Some("second"));
    assert_eq!(wheel.remove(second), None);
}

#[test]
fn what_is_due_before_a_clock_that_was_set_back_comes_at_its_time() {
    let mut wheel = Wheel::new();
    wheel.insert(2_000, "before the jump");
    assert_eq!(wheel.pop_due(1_000), None);
    wheel.insert(500, "after the jump"); // the wall says 400 now
    assert_eq!(wheel.pop_due(499), None);
    assert_eq!(wheel.next_due(), Some(500));
    assert_eq!(wheel.pop_due(500), Some((500, "after the jump")));
    assert_eq!(wheel.pop_due(1_999), None);
    assert_eq!(wheel.pop_due(2_000), Some((2_000, "before the jump")));
}

/// Nanoseconds of CPU an operation, the least of five rounds. Run it with `--release --ignored --nocapture`.
#[test]
#[ignore = "measures"]
#[expect(clippy::print_stdout, reason = "its output is its result")]
fn speed() {
    for (name, delay) in [("1 ms", 1_000), ("10 s", 10_000_000), ("1 h", 3_600_000_000)] {
        for held in [1_000_i64, 65_536] {
            let least = |run: fn(Micros, i64) -> i64| (0..5).map(|_| run(delay, held)).min().unwrap();
            let (settled, expired) = (least(insert_and_remove), least(insert_and_expire));
            println!("{name} from now, {held} held: insert and remove {settled} ns, insert and expire {expired} ns");
        }
    }
}

const OPERATIONS: i64 = 1_000_000;

fn cpu() -> i64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}

/// Running jobs: each settles `held` claims after its own, in an order that is not quite theirs.
fn insert_and_remove(timeout: Micros, held: i64) -> i64 {
    let mut wheel = Wheel::new();
    let mut keys: VecDeque<Key> = (0..held).map(|job| wheel.insert(job + timeout, job)).collect();
    let started = cpu();
    for job in held..held + OPERATIONS {
        let (front, back) = (keys.pop_front().unwrap(), keys.pop_front().unwrap());
        let (settled, kept) = if job % 3 == 0 { (back, front) } else { (front, back) };
        keys.push_front(kept);
        assert!(wheel.remove(settled).is_some());
        keys.push_back(wheel.insert(job + timeout, job));
    }
    (cpu() - started) / OPERATIONS
}

/// Delayed jobs: each microsecond one comes, with a delay of a half to one and a half times `delay`, and what is due goes.
fn insert_and_expire(delay: Micros, held: i64) -> i64 {
    let mut wheel = Wheel::new();
    for job in 0..held {
        wheel.insert(delay + job, job);
    }
    let started = cpu();
    for now in 0..OPERATIONS {
        wheel.insert(now + delay / 2 + (now * 2_654_435_761) % delay, now);
        while wheel.pop_due(now).is_some() {}
    }
    (cpu() - started) / OPERATIONS
}
