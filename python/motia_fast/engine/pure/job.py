"""A job as the engine keeps it in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from motia_fast.contract import Failure
from motia_fast.engine.pure.schema import WINDOW

if TYPE_CHECKING:
    from motia_fast.clock import Micros
    from motia_fast.engine.pure.subscribed import Subscribed


class Record:
    """One row of the table `job`, and where it stands now. Mutable: it lives from its commit until it is settled."""

    __slots__ = (
        "attempt",
        "crashes",
        "due",
        "due_elapsed",
        "enqueued",
        "error",
        "id",
        "message",
        "meta",
        "payload",
        "place",
        "priority",
        "ready_at",
        "sub",
    )

    def __init__(  # noqa: PLR0913 -- a row has its columns
        self,
        id: int,  # noqa: A002 -- the column's name
        message: int,
        sub: Subscribed,
        priority: int,
        enqueued: Micros,
        meta: bytes,
        payload: bytes,
        *,
        place: int = WINDOW,
        due: Micros | None = None,
        due_elapsed: Micros | None = None,
        attempt: int = 0,
        crashes: int = 0,
        error: Failure | None = None,
    ) -> None:
        """`attempt` counts attempts made; `due_elapsed` is None where the wall clock decides."""
        self.id = id
        self.message = message
        self.sub = sub
        self.priority = priority
        self.enqueued = enqueued
        self.meta = meta
        self.payload = payload
        self.place = place
        self.due = due
        self.due_elapsed = due_elapsed
        self.attempt = attempt
        self.crashes = crashes
        self.error = error
        self.ready_at: Micros = 0

    @property
    def size(self) -> int:
        """Bytes of what the user gave."""
        return len(self.payload) + len(self.meta)

    def row(self) -> tuple[object, ...]:
        """The values of an INSERT, in the order of `store.INSERT_JOB`."""
        return (
            self.id,
            self.message,
            self.sub.number,
            self.priority,
            self.place,
            self.due,
            self.enqueued,
            self.meta,
            self.payload,
        )


def encode_failure(error: Failure, attempt: int) -> bytes:
    """A failure as the column `attempt.error` keeps it; `attempt` is the number of the run that failed."""
    return orjson.dumps(
        {
            "type": storable(error.type),
            "message": storable(error.message),
            "traceback": storable(error.traceback),
            "reason": storable(error.reason),
            "attempt": attempt,
        }
    )


def decode_failure(data: bytes) -> Failure:
    """The inverse of `encode_failure`."""
    fields = orjson.loads(data)
    return Failure(fields["type"], fields["message"], fields["traceback"], fields["reason"])


def storable(text: str) -> str:
    """An exception may carry text that UTF-8 cannot hold (lone surrogates); its loss must not cost the settlement."""
    return text.encode("utf-8", "replace").decode()
