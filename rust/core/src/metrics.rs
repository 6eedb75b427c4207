//! Counters and fixed histograms: a few atomic integers, which any thread raises without a lock.

use std::sync::atomic::{AtomicU64, Ordering};

/// Upper bounds in seconds, for waits and runs: from what one wake-up takes to the longest default timeout.
pub const SECONDS: [f64; 18] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0];
/// Upper bounds of the number of commits in a group, up to the 256 that one sync may carry.
pub const COMMITS: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

/// Counts by upper bound, the last one without. `total` is the sum of what was observed.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    /// They rise.
    pub bounds: &'static [f64],
    /// One more than `bounds`.
    pub counts: Vec<u64>,
    /// In the unit of `bounds`.
    pub total: f64,
}

/// A histogram that is being filled.
#[derive(Debug)]
pub struct Observed {
    bounds: &'static [f64],
    counts: Box<[AtomicU64]>,
    /// The bits of an `f64`.
    total: AtomicU64,
}

impl Observed {
    /// `bounds` rise; what lies above the last one has a bucket of its own.
    #[must_use]
    pub fn new(bounds: &'static [f64]) -> Self {
        Self {
            bounds,
            counts: (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect(),
            total: AtomicU64::new(0.0_f64.to_bits()),
        }
    }

    /// Counts one observation; one that equals a bound lies below it.
    pub fn add(&self, value: f64) {
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        self.counts[bucket].fetch_add(1, Ordering::Relaxed);
        let add = |total: u64| (f64::from_bits(total) + value).to_bits();
        self.total.update(Ordering::Relaxed, Ordering::Relaxed, add);
    }

    /// What was observed so far. An observation that is being made may be in one of `counts` and not in `total` yet.
    #[must_use]
    pub fn view(&self) -> Histogram {
        Histogram {
            bounds: self.bounds,
            counts: self.counts.iter().map(|count| count.load(Ordering::Relaxed)).collect(),
            total: f64::from_bits(self.total.load(Ordering::Relaxed)),
        }
    }
}

/// A number that only rises.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// One more.
    pub fn raise(&self) {
        self.add(1);
    }

    /// So many more.
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// The number.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What became of one subscription's jobs since the engine opened. Each failed attempt counts once as failed.
#[derive(Debug)]
pub struct Counters {
    /// Jobs made for it.
    pub enqueued: Counter,
    /// Runs that ended well.
    pub done: Counter,
    /// Attempts that failed, the last ones included.
    pub failed: Counter,
    /// Of those, the ones that are made again.
    pub retried: Counter,
    /// Runs that asked for another time, which counts as no attempt.
    pub snoozed: Counter,
    /// Jobs that a condition or a handler passed over.
    pub skipped: Counter,
    /// Jobs that are dead.
    pub died: Counter,
    /// Seconds from ready to claimed.
    pub wait: Observed,
    /// Seconds from claimed to settled.
    pub run: Observed,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            enqueued: Counter::default(),
            done: Counter::default(),
            failed: Counter::default(),
            retried: Counter::default(),
            snoozed: Counter::default(),
            skipped: Counter::default(),
            died: Counter::default(),
            wait: Observed::new(&SECONDS),
            run: Observed::new(&SECONDS),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_is_counted_in_the_first_bucket_whose_bound_it_does_not_exceed() {
        let observed = Observed::new(&COMMITS);
        for value in [0.0, 1.0, 1.5, 256.0, 257.0, 1e9] {
            observed.add(value);
        }
        let view = observed.view();
        assert_eq!(view.counts, [2, 1, 0, 0, 0, 0, 0, 0, 1, 2]); // 0 and 1 | 1.5 | 256 | 257 and 1e9
        assert!((view.total - 1_000_000_515.5).abs() < 1e-6); // 0 + 1 + 1.5 + 256 + 257 + 1e9
        assert_eq!(view.bounds, COMMITS);
    }

    #[test]
    fn bounds_rise() {
        for bounds in [&SECONDS[..], &COMMITS] {
            assert!(bounds.is_sorted_by(|a, b| a < b));
        }
    }

    #[test]
    fn threads_lose_no_observation() {
        let observed = Observed::new(&SECONDS);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..10_000).for_each(|_| observed.add(0.25)));
            }
        });
        let view = observed.view();
        assert_eq!(view.counts[8], 40_000);
        assert!((view.total - 10_000.0).abs() < 1e-9); // 4 * 10,000 * 0.25, each sum exact
    }
}
