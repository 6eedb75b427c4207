"""How long a failed job waits: a pure function of its policy and its attempt."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from motia_fast.contract import RetryPolicy

#: 2 ** 62 s is longer than any `backoff_max`; a higher power would only make a large integer.
_MAX_POWER = 62


def backoff(policy: RetryPolicy, attempt: int, chance: float) -> float:
    """Seconds between attempt number `attempt` (from 1), which failed, and the next one.

    `chance`, 0 to 1, places the delay within its jitter: at 0 it is exact, at 1 it is `jitter` longer.
    """
    match policy.backoff:
        case "fixed":
            delay = policy.backoff_delay
        case "linear":
            delay = policy.backoff_delay * attempt
        case _:
            delay = policy.backoff_delay * 2.0 ** min(attempt - 1, _MAX_POWER)
    return min(delay, policy.backoff_max) * (1.0 + policy.jitter * chance)


def exhausted(policy: RetryPolicy, attempt: int) -> bool:
    """Whether attempt number `attempt` (from 1) was the last: N retries are N + 1 attempts."""
    return attempt > policy.max_retries
