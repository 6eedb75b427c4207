"""Jobs of two subscriptions that become one, with far more of them than memory holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.contract.verbs import drain, put, put_numbers, sub, values

if TYPE_CHECKING:
    from tests.contract.rig import Rig


def test_adopted_jobs_and_one_s_own_run_once_and_in_the_order_in_which_they_came(rig: Rig) -> None:
    engine = rig.open(sub("old/left"), sub("new/right"), window_jobs=4)
    put_numbers(engine, 50, "left")
    put(engine, 50, "right")
    put_numbers(engine, 20, "left", start=51)
    put_numbers(engine, 20, "right", start=71)
    engine = rig.reopen(sub("new/right", was=("old/left",)), window_jobs=4)
    put(engine, 91, "right")
    assert values(drain(engine, 92)) == list(range(92))


def test_the_order_holds_after_another_restart(rig: Rig) -> None:
    engine = rig.open(sub("old/left"), sub("new/right"), window_jobs=4)
    put_numbers(engine, 50, "left")
    put(engine, 50, "right")
    engine = rig.reopen(sub("new/right", was=("old/left",)), window_jobs=4)
    assert values(drain(engine, 10)) == list(range(10))
    engine = rig.reopen(sub("new/right"), window_jobs=4)
    assert values(drain(engine, 41)) == list(range(10, 51))
