"""Threads for the `def` handlers of requests: daemons, so that a handler that never ends does not hold the process."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from contextvars import Context, copy_context
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class _Call(NamedTuple):
    function: Callable[[], Any]
    context: Context
    future: asyncio.Future[Any]


class _Result(NamedTuple):
    future: asyncio.Future[Any]
    value: Any
    error: BaseException | None


class Threads:
    """Up to `limit` threads, started as they are needed; what is called beyond that waits its turn."""

    def __init__(self, limit: int, name: str = "motia_fast") -> None:
        """Belongs to the loop that runs when `run` is first called."""
        self.limit = limit
        self._name = name
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._results: deque[_Result] = deque()
        self._threads: list[threading.Thread] = []
        self._busy = 0
        self._loop: asyncio.AbstractEventLoop | None = None

    async def run(self, function: Callable[[], T]) -> T:
        """Calls `function` in a thread, in a copy of the caller's context, and returns what it returns.

        Cancelling the caller does not end the call: its result is dropped when it comes.
        """
        self._loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = self._loop.create_future()
        self._busy += 1
        self._calls.put(_Call(function, copy_context(), future))
        if self._busy > len(self._threads) < self.limit:
            self._spawn()
        return await future

    def stop(self) -> None:
        """Lets the threads end once they are idle; does not wait for them."""
        for _ in self._threads:
            self._calls.put(None)
        self._threads = []

    def _spawn(self) -> None:
        thread = threading.Thread(target=self._work, name=f"{self._name}-{len(self._threads)}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            self._post(_called(call))
            del call  # an idle thread keeps nothing of its last call alive

    def _post(self, result: _Result) -> None:
        loop = self._loop
        # The loop takes all results at once, so only the first of a batch has to wake it. Appending before looking
        # makes sure that the loop, which takes until nothing is left, misses none.
        self._results.append(result)
        if len(self._results) == 1 and loop is not None:
            call_on(loop, self._deliver)

    def _deliver(self) -> None:
        while self._results:
            result = self._results[0]
            self._busy -= 1
            _resolve(result)
            self._results.popleft()


def _called(call: _Call) -> _Result:
    try:
        return _Result(call.future, call.context.run(call.function), None)
    except BaseException as error:  # noqa: BLE001 -- whatever it is, it belongs to the caller and must not end the thread
        return _Result(call.future, None, error)


def _resolve(result: _Result) -> None:
    if result.future.done():  # its caller was cancelled
        return
    if result.error is None:
        result.future.set_result(result.value)
    else:
        result.future.set_exception(_raisable(result.error))


def _raisable(error: BaseException) -> BaseException:
    if isinstance(error, StopIteration):  # a future refuses it, because awaiting it would look like a return
        wrapped = RuntimeError("a handler raised StopIteration")
        wrapped.__cause__ = error
        return wrapped
    return error


def call_on(loop: asyncio.AbstractEventLoop, callback: Callable[..., object], *arguments: Any) -> None:
    """Calls `callback` on the loop, from a thread."""
    try:
        loop.call_soon_threadsafe(callback, *arguments)
    except RuntimeError:  # the loop was closed while the handler ran on: nobody waits for its result any more
        return
