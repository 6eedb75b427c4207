"""The engine's counters as Prometheus text (version 0.0.4): a pure function of `Stats`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from motia_fast.contract import Histogram, Stats, SubscriptionStats

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Number = int | float

#: Of each subscription: name, help, and where `SubscriptionStats` has it.
_COUNTERS: tuple[tuple[str, str, Callable[[SubscriptionStats], Number]], ...] = (
    ("enqueued", "Jobs made.", lambda s: s.enqueued),
    ("done", "Jobs done.", lambda s: s.done),
    ("failed", "Attempts that failed.", lambda s: s.failed),
    ("retried", "Failed attempts after which the job was scheduled again.", lambda s: s.retried),
    ("snoozed", "Runs that asked to run later.", lambda s: s.snoozed),
    ("skipped", "Jobs skipped.", lambda s: s.skipped),
    ("dead", "Jobs that became dead letters.", lambda s: s.died),
)
_GAUGES: tuple[tuple[str, str, Callable[[SubscriptionStats], Number]], ...] = (
    ("jobs_ready", "Jobs that wait to run.", lambda s: s.ready),
    ("jobs_scheduled", "Jobs that wait for their time.", lambda s: s.scheduled),
    ("jobs_running", "Jobs that run.", lambda s: s.running),
    ("jobs_dead_letters", "Dead letters that are kept.", lambda s: s.dead),
    ("oldest_seconds", "Age of the oldest ready job in memory.", lambda s: s.oldest),
)


def render(stats: Stats, loop_lag: float) -> str:
    """All metrics. `loop_lag` is how many seconds the event loop made its last callbacks wait."""
    return "\n".join([*_of_subscriptions(stats.subscriptions), *_of_engine(stats, loop_lag), ""])


def _of_subscriptions(subscriptions: tuple[SubscriptionStats, ...]) -> Iterator[str]:
    for name, text, value in _COUNTERS:
        yield from _family(f"{name}_total", "counter", text, [(_labels(s), value(s)) for s in subscriptions])
    for name, text, value in _GAUGES:
        yield from _family(name, "gauge", text, [(_labels(s), value(s)) for s in subscriptions])
    waits = [(_labels(s), s.wait) for s in subscriptions]
    runs = [(_labels(s), s.run) for s in subscriptions]
    yield from _histogram("wait_seconds", "From ready to claimed.", waits)
    yield from _histogram("run_seconds", "From claimed to settled.", runs)


def _of_engine(stats: Stats, loop_lag: float) -> Iterator[str]:
    unmatched = [({"topic": topic}, count) for topic, count in sorted(stats.unmatched.items())]
    yield from _family(
        "unmatched_total", "counter", "Messages whose topic had steps, but no true condition.", unmatched
    )
    yield from _histogram("group_commits", "Commits that shared a sync.", [({}, stats.group)])
    yield from _histogram("sync_seconds", "Time a group's write and sync took.", [({}, stats.sync)])
    for name, kind, text, value in _single(stats, loop_lag):
        yield from _family(name, kind, text, [({}, value)])
    info = {"engine": stats.engine, "durability": stats.durability}
    yield from _family("info", "gauge", "What runs.", [(info, 1)])


def _single(stats: Stats, loop_lag: float) -> tuple[tuple[str, str, str, Number], ...]:
    return (
        ("parked", "gauge", "Messages whose topic no step consumes.", stats.parked),
        ("condition_mismatches_total", "counter", "Comparisons with a value of another type.", stats.mismatches),
        ("commits_total", "counter", "Number of the newest commit.", stats.committed),
        ("durable_lag_commits", "gauge", "Commits that are not durable yet.", stats.committed - stats.durable),
        ("pending_operations", "gauge", "Operations that wait for their sync.", stats.pending_operations),
        ("pending_bytes", "gauge", "Bytes that wait for their sync.", stats.pending_bytes),
        ("database_bytes", "gauge", "Size of the database file.", stats.database_bytes),
        ("wal_bytes", "gauge", "Size of the write-ahead log.", stats.wal_bytes),
        ("free_pages", "gauge", "Unused pages of the database file.", stats.free_pages),
        ("disk_low", "gauge", "1 while new work is refused for want of disk.", int(stats.disk_low)),
        ("loop_lag_seconds", "gauge", "How long the event loop makes callbacks wait.", loop_lag),
    )


Sample = tuple["Mapping[str, str]", "Number"]


def _family(name: str, kind: str, text: str, samples: Iterable[Sample]) -> Iterator[str]:
    yield f"# HELP motia_fast_{name} {text}"
    yield f"# TYPE motia_fast_{name} {kind}"
    for labels, value in samples:
        yield _sample(name, labels, value)


def _histogram(name: str, text: str, histograms: Iterable[tuple[Mapping[str, str], Histogram]]) -> Iterator[str]:
    yield f"# HELP motia_fast_{name} {text}"
    yield f"# TYPE motia_fast_{name} histogram"
    for labels, histogram in histograms:
        count = 0
        for bound, number in zip([*map(str, histogram.bounds), "+Inf"], histogram.counts, strict=True):
            count += number  # Prometheus counts what is at or below each bound
            yield _sample(f"{name}_bucket", {**labels, "le": bound}, count)
        yield _sample(f"{name}_sum", labels, histogram.total)
        yield _sample(f"{name}_count", labels, count)


def _sample(name: str, labels: Mapping[str, str], value: Number) -> str:
    pairs = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
    return f"motia_fast_{name}{{{pairs}}} {value}" if pairs else f"motia_fast_{name} {value}"


def _labels(stats: SubscriptionStats) -> dict[str, str]:
    return {"step": stats.step, "subscription": stats.subscription, "topic": stats.topic}


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
