"""Threads for `def` handlers."""

from __future__ import annotations

import asyncio
import threading
from contextvars import ContextVar

import pytest

from motia_fast.worker.threads import Threads

number: ContextVar[int] = ContextVar("number", default=0)


async def test_a_call_runs_in_another_thread_and_its_value_comes_back() -> None:
    threads = Threads(2)
    assert await threads.run(threading.get_ident) != threading.get_ident()


async def test_what_a_call_raises_comes_back() -> None:
    def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await Threads(1).run(fail)


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()])
async def test_not_even_an_exit_ends_a_thread(error: BaseException) -> None:
    threads = Threads(1)

    def leave() -> None:
        raise error

    with pytest.raises(type(error)):
        await _caught(threads, leave)
    assert await threads.run(lambda: 7) == 7


async def _caught(threads: Threads, function: object) -> None:
    # Awaited in a task, a SystemExit would end the loop; here the future itself is looked at.
    future = asyncio.ensure_future(_wrapped(threads, function))
    error = await future
    if error is not None:
        raise error


async def _wrapped(threads: Threads, function: object) -> BaseException | None:
    try:
        await threads.run(function)  # type: ignore[arg-type]  # the callers give functions
    except BaseException as error:  # noqa: BLE001 -- that is what is tested
        return error
    return None


async def test_a_stop_iteration_is_an_error_and_not_a_hang() -> None:
    with pytest.raises(RuntimeError, match="StopIteration"):
        await Threads(1).run(lambda: next(iter(())))


async def test_a_call_sees_a_copy_of_the_caller_s_context() -> None:
    number.set(7)

    def change() -> int:
        seen = number.get()
        number.set(8)
        return seen

    assert await Threads(1).run(change) == 7
    assert number.get() == 7


async def test_at_most_so_many_run_at_once_and_the_others_wait() -> None:
    threads, running, most, lock = Threads(3), 0, 0, threading.Lock()
    barrier = threading.Barrier(3, timeout=10)

    def work() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        barrier.wait()  # 9 calls pass it in three groups of three, only if three run at once
        with lock:
            running -= 1

    await asyncio.gather(*(threads.run(work) for _ in range(9)))
    assert most == 3


async def test_threads_are_started_as_they_are_needed() -> None:
    threads = Threads(8, "lazy")
    for _ in range(5):
        await threads.run(lambda: None)
    assert sum(thread.name.startswith("lazy-") for thread in threading.enumerate()) == 1


async def test_a_cancelled_caller_leaves_the_call_running_and_the_thread_usable() -> None:
    threads, started, go, ended = Threads(1), threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        started.set()
        go.wait(10)
        ended.set()

    task = asyncio.create_task(threads.run(work))
    await asyncio.to_thread(started.wait, 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not ended.is_set()
    go.set()
    assert await threads.run(ended.is_set)


async def test_many_results_at_once_all_come_back() -> None:
    threads = Threads(8)
    numbers = await asyncio.gather(*(threads.run(lambda n=n: n) for n in range(2_000)))  # type: ignore[misc]  # a default binds n
    assert numbers == list(range(2_000))


async def test_stopped_threads_end() -> None:
    threads = Threads(2, "ending")
    await threads.run(lambda: None)
    mine = [thread for thread in threading.enumerate() if thread.name.startswith("ending-")]
    threads.stop()
    for thread in mine:
        await asyncio.to_thread(thread.join, 10)
        assert not thread.is_alive()
