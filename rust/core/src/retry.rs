//! How long a failed job waits: a pure function of its policy and its attempt.

/// How the delays of one job follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backoff {
    /// The same each time.
    Fixed,
    /// One `backoff_delay` more each time.
    Linear,
    /// Twice as long each time.
    Exponential,
}

/// When a failed job runs again. Delays are seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RetryPolicy {
    /// Retries after the first attempt: N retries are N + 1 attempts.
    pub max_retries: u32,
    /// How the delays grow.
    pub backoff: Backoff,
    /// The first delay.
    pub backoff_delay: f64,
    /// No delay is longer, its jitter aside.
    pub backoff_max: f64,
    /// The share of the delay that is added at random: 0.1 spreads 10 s over 10 to 11 s.
    pub jitter: f64,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { max_retries: 3, backoff: Backoff::Exponential, backoff_delay: 1.0, backoff_max: 3_600.0, jitter: 0.1 }
    }
}

/// 2 ^ 62 s is longer than any `backoff_max`.
const MAX_POWER: u32 = 62;

/// Seconds between attempt number `attempt` (from 1), which failed, and the next one.
///
/// `chance`, 0 to 1, places the delay within its jitter: at 0 it is exact, at 1 it is `jitter` longer.
#[must_use]
pub fn backoff(policy: &RetryPolicy, attempt: u32, chance: f64) -> f64 {
    let factor = match policy.backoff {
        Backoff::Fixed => 1.0,
        Backoff::Linear => f64::from(attempt),
        Backoff::Exponential => 2.0_f64.powi(attempt.saturating_sub(1).min(MAX_POWER).cast_signed()),
    };
    (policy.backoff_delay * factor).min(policy.backoff_max) * (1.0 + policy.jitter * chance)
}

/// Whether attempt number `attempt` (from 1) was the last: N retries are N + 1 attempts.
#[must_use]
pub fn exhausted(policy: &RetryPolicy, attempt: u32) -> bool {
    attempt > policy.max_retries
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(backoff: Backoff, backoff_delay: f64, backoff_max: f64) -> RetryPolicy {
        RetryPolicy { max_retries: 9, backoff, backoff_delay, backoff_max, jitter: 0.0 }
    }

    #[test]
    #[expect(clippy::float_cmp, reason = "these are exact")]
    fn the_delay_grows_by_its_kind_up_to_its_maximum() {
        let table = [
            (policy(Backoff::Exponential, 1.0, 3_600.0), 1, 1.0),  // 1 * 2^0
            (policy(Backoff::Exponential, 1.0, 3_600.0), 2, 2.0),  // 1 * 2^1
            (policy(Backoff::Exponential, 1.0, 3_600.0), 5, 16.0), // 1 * 2^4
            (policy(Backoff::Exponential, 0.5, 3.0), 3, 2.0),      // 0.5 * 2^2
            (policy(Backoff::Exponential, 0.5, 3.0), 4, 3.0),      // 4 s, held at backoff_max
            (policy(Backoff::Exponential, 1.0, 3_600.0), u32::MAX, 3_600.0), // 2^62 s, held
            (policy(Backoff::Exponential, 1e-18, 3_600.0), 64, 2.0_f64.powi(62) * 1e-18), // 4.6 s: no higher power
            (policy(Backoff::Linear, 2.0, 3_600.0), 1, 2.0),       // 2 * 1
            (policy(Backoff::Linear, 2.0, 3_600.0), 5, 10.0),      // 2 * 5
            (policy(Backoff::Linear, 2.0, 5.0), 3, 5.0),           // 6 s, held
            (policy(Backoff::Fixed, 7.0, 3_600.0), 1, 7.0),
            (policy(Backoff::Fixed, 7.0, 3_600.0), 9, 7.0),
            (policy(Backoff::Fixed, 7.0, 5.0), 9, 5.0), // held
            (policy(Backoff::Fixed, 0.0, 5.0), 9, 0.0),
        ];
        for (policy, attempt, expected) in table {
            assert_eq!(backoff(&policy, attempt, 0.0), expected, "{policy:?}, attempt {attempt}");
        }
    }

    #[test]
    #[expect(clippy::float_cmp, reason = "these are exact")]
    fn jitter_adds_up_to_its_share_also_to_the_maximum() {
        let jittery = RetryPolicy { jitter: 0.5, ..policy(Backoff::Fixed, 100.0, 3_600.0) };
        assert_eq!(backoff(&jittery, 1, 0.0), 100.0); // 100 * (1 + 0.5 * 0)
        assert_eq!(backoff(&jittery, 1, 0.5), 125.0); // 100 * (1 + 0.5 * 0.5)
        assert_eq!(backoff(&jittery, 1, 1.0), 150.0); // 100 * (1 + 0.5 * 1)
        assert_eq!(backoff(&RetryPolicy { backoff_max: 10.0, ..jittery }, 1, 1.0), 15.0); // 10 * (1 + 0.5 * 1)
    }

    #[test]
    fn n_retries_are_n_plus_1_attempts() {
        let table = [
            (0, 1, true),  // the first attempt was the only one
            (3, 3, false), // attempts 1 to 3 failed, retries 1 and 2 among them
            (3, 4, true),  // retry 3 failed as well
            (u32::MAX, u32::MAX, false),
        ];
        for (max_retries, attempt, expected) in table {
            let policy = RetryPolicy { max_retries, ..RetryPolicy::default() };
            assert_eq!(exhausted(&policy, attempt), expected, "{max_retries} retries, attempt {attempt}");
        }
    }
}
