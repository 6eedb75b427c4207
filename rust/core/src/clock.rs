//! Time as an argument: the one place that reads the machine's clocks.

use std::sync::atomic::{AtomicI64, Ordering};

use rustix::time::{ClockId, clock_gettime};

/// Whole microseconds: since the Unix epoch for wall times, since an arbitrary start for elapsed ones.
pub type Micros = i64;

pub const SECOND: Micros = 1_000_000;

/// 126,000 years: any longer duration means "never", and still fits a column when it is added to a time.
pub const FOREVER: Micros = 4_000_000_000_000_000_000;

/// A duration in seconds as microseconds, at most [`FOREVER`] either way.
#[must_use]
pub fn micros(seconds: f64) -> Micros {
    let rounded = (seconds * 1e6).round_ties_even().clamp(-4e18, 4e18);
    #[expect(clippy::cast_possible_truncation, reason = "clamped above")]
    let whole = rounded as Micros;
    whole
}

/// Microseconds as seconds.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "durations of interest are far below 2^53 µs, which is 285 years")]
pub fn seconds(micros: Micros) -> f64 {
    micros as f64 / 1e6
}

/// The engine's clock: the machine's, or one that moves only when a test sets it.
#[derive(Debug)]
pub enum Clock {
    System,
    Manual { now: AtomicI64, elapsed: AtomicI64 },
}

impl Clock {
    /// A clock that stands still until [`Clock::set`].
    #[must_use]
    pub fn manual(now: Micros, elapsed: Micros) -> Self {
        Self::Manual {
            now: AtomicI64::new(now),
            elapsed: AtomicI64::new(elapsed),
        }
    }

    /// Wall time.
    #[must_use]
    pub fn now(&self) -> Micros {
        match self {
            Self::System => read(ClockId::Realtime),
            Self::Manual { now, .. } => now.load(Ordering::Acquire),
        }
    }

    /// Time that passed, suspended time included; it never goes back.
    #[must_use]
    pub fn elapsed(&self) -> Micros {
        match self {
            Self::System => read(ELAPSED),
            Self::Manual { elapsed, .. } => elapsed.load(Ordering::Acquire),
        }
    }

    /// Moves a manual clock; the machine's cannot be moved.
    pub fn set(&self, to_now: Micros, to_elapsed: Micros) {
        if let Self::Manual { now, elapsed } = self {
            now.store(to_now, Ordering::Release);
            elapsed.store(to_elapsed, Ordering::Release);
        }
    }
}

#[cfg(target_os = "linux")]
const ELAPSED: ClockId = ClockId::Boottime;
/// On macOS the monotonic clock counts suspended time.
#[cfg(not(target_os = "linux"))]
const ELAPSED: ClockId = ClockId::Monotonic;

fn read(clock: ClockId) -> Micros {
    let time = clock_gettime(clock);
    time.tv_sec * SECOND + time.tv_nsec / 1_000
}
