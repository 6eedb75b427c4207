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
        Self::Manual { now: AtomicI64::new(now), elapsed: AtomicI64::new(elapsed) }
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

/// Seconds since 1970 as `2024-02-29T12:00:00`, in UTC.
#[must_use]
pub fn utc(seconds: i64) -> String {
    let (day, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Howard Hinnant's civil_from_days: eras of 400 years of 146,097 days, years that begin in March.
    let shifted = day + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    let date = of_year - (153 * from_march + 2) / 5 + 1;
    format!("{year:04}-{month:02}-{date:02}T{:02}:{:02}:{:02}", second / 3_600, second / 60 % 60, second % 60)
}

#[cfg(test)]
mod tests {
    use super::utc;

    #[test]
    fn a_time_is_written_as_people_write_it() {
        let known = [
            (0, "1970-01-01T00:00:00"),
            (951_782_399, "2000-02-28T23:59:59"),
            (951_782_400, "2000-02-29T00:00:00"),   // a century that has a leap day
            (4_107_542_400, "2100-03-01T00:00:00"), // and one that has none
            (1_735_689_599, "2024-12-31T23:59:59"),
            (-1, "1969-12-31T23:59:59"),
        ];
        for (seconds, text) in known {
            assert_eq!(utc(seconds), text);
        }
    }
}
