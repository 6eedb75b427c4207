"""Dead letters that several threads retry or purge at once: each letter changes once."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from motia_fast.contract import JobFilter
from tests.contract.verbs import ids, kill_off, retrying, sub, take

if TYPE_CHECKING:
    from collections.abc import Callable

    from motia_fast.contract import Engine

ALL = JobFilter()
#: Two threads met in a third of the rounds, when nothing kept them apart.
ROUNDS = 30


def at_once(*verbs: Callable[[JobFilter], tuple[int, int]]) -> list[int]:
    """Calls the verbs side by side; returns how many dead letters each of them changed."""
    counts = [0] * len(verbs)
    start = threading.Barrier(len(verbs))

    def call(index: int) -> None:
        start.wait()
        counts[index] = verbs[index](ALL)[1]

    threads = [threading.Thread(target=call, args=(index,)) for index in range(len(verbs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return counts


def test_a_dead_letter_that_two_threads_retry_runs_once(engine: Engine) -> None:
    engine.register([sub(retry=retrying(0))])
    for _ in range(ROUNDS):
        job = kill_off(engine)
        assert sum(at_once(engine.dead.retry, engine.dead.retry)) == 1
        assert ids(take(engine)) == [job]


def test_a_dead_letter_is_retried_or_purged_not_both(engine: Engine) -> None:
    engine.register([sub(retry=retrying(0))])
    for _ in range(ROUNDS):
        job = kill_off(engine)
        retried, purged = at_once(engine.dead.retry, engine.dead.purge)
        assert retried + purged == 1
        assert ids(take(engine)) == [job] * retried
