"""Metrics as Prometheus text."""

from __future__ import annotations

from dataclasses import replace

from motia_fast.contract import Histogram, Stats, SubscriptionStats
from motia_fast.observability.metrics import render

NONE = Histogram((0.1, 1.0), (0, 0, 0), 0.0)
SHIP = SubscriptionStats(
    subscription="Ship/orders",
    step="Ship",
    topic="orders",
    ready=1,
    scheduled=2,
    running=3,
    dead=4,
    orphaned=False,
    oldest=5.5,
    enqueued=10,
    done=6,
    failed=7,
    retried=8,
    snoozed=9,
    skipped=11,
    died=12,
    wait=Histogram((0.1, 1.0), (2, 1, 1), 3.5),
    run=NONE,
)
STATS = Stats(
    engine="pure",
    durability="sync",
    data_dir="/data",
    boot=1,
    committed=20,
    durable=17,
    pending_operations=3,
    pending_bytes=300,
    parked=1,
    unmatched={"orders": 2},
    mismatches=0,
    subscriptions=(SHIP,),
    group=NONE,
    sync=NONE,
    database_bytes=4096,
    wal_bytes=512,
    free_pages=0,
    disk_low=False,
)
LABELS = '{step="Ship",subscription="Ship/orders",topic="orders"}'


def test_counters_and_gauges_are_by_subscription() -> None:
    lines = render(STATS, 0.25).splitlines()
    assert f"motia_fast_enqueued_total{LABELS} 10" in lines
    assert f"motia_fast_dead_total{LABELS} 12" in lines
    assert f"motia_fast_jobs_ready{LABELS} 1" in lines
    assert f"motia_fast_oldest_seconds{LABELS} 5.5" in lines


def test_the_engine_has_gauges_of_its_own() -> None:
    lines = render(STATS, 0.25).splitlines()
    assert "motia_fast_durable_lag_commits 3" in lines  # 20 - 17
    assert "motia_fast_loop_lag_seconds 0.25" in lines
    assert 'motia_fast_unmatched_total{topic="orders"} 2' in lines
    assert 'motia_fast_info{engine="pure",durability="sync"} 1' in lines


def test_the_buckets_of_a_histogram_count_what_is_at_or_below_them() -> None:
    lines = render(STATS, 0.0).splitlines()
    start = 'motia_fast_wait_seconds_bucket{step="Ship",subscription="Ship/orders",topic="orders",le='
    assert [line for line in lines if line.startswith(start)] == [
        f'{start}"0.1"}} 2',
        f'{start}"1.0"}} 3',  # 2 + 1
        f'{start}"+Inf"}} 4',  # 2 + 1 + 1
    ]
    assert f"motia_fast_wait_seconds_sum{LABELS} 3.5" in lines
    assert f"motia_fast_wait_seconds_count{LABELS} 4" in lines


def test_each_family_is_announced_once() -> None:
    names = [line.split()[2] for line in render(STATS, 0.0).splitlines() if line.startswith("# TYPE")]
    assert len(names) == len(set(names))


def test_labels_are_escaped() -> None:
    named = replace(STATS, subscriptions=(), unmatched={'a"b\\c\nd': 1})
    assert 'motia_fast_unmatched_total{topic="a\\"b\\\\c\\nd"} 1' in render(named, 0.0)


def test_the_text_ends_with_a_line_feed() -> None:
    assert render(STATS, 0.0).endswith("\n")
