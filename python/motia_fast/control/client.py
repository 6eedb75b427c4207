"""`Client(data_dir)`: what another process on this machine asks of the running one. Standard library only."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from motia_fast.contract import Receipt
from motia_fast.control.address import address_of
from motia_fast.control.frames import MAX_FRAME, from_line, result_of, to_line, too_large
from motia_fast.control.plain import to_plain
from motia_fast.errors import ControlError, NotRunning

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

#: Bytes that are taken from the socket at once.
_CHUNK = 256 * 1024


class Client:
    """Speaks to the application that runs on a data directory, from a script, a shell or another program.

    Each call connects, asks, and disconnects, so a client lives through restarts of the application, a fork, and use
    from several threads. Every method raises `NotRunning` when nothing runs on the directory, `ControlError` when the
    process cannot be spoken to, and the error itself when the application refuses what was asked.
    """

    def __init__(self, data_dir: str | os.PathLike[str] | None = None, *, timeout: float = 30.0) -> None:
        """Nothing is opened yet. `timeout` is in seconds, for one call.

        `data_dir` defaults to the variable ``MOTIA_FAST_DATA_DIR``, then to ``.motia_fast`` in the current directory.
        """
        self.data_dir = Path(data_dir or os.environ.get("MOTIA_FAST_DATA_DIR") or ".motia_fast")
        self.timeout = timeout

    def enqueue(
        self,
        topic: str,
        data: Any = None,
        *,
        delay: float | None = None,
        run_at: datetime | None = None,
        priority: int | None = None,
    ) -> Receipt:
        """Enqueues `data` to `topic`, and returns once that survives a crash.

        `delay` is in seconds; `run_at` has a time zone; `priority` is 0 to 9, higher first.
        Raises `NotEncodable`, `ValidationFailed`, `PayloadTooLarge`, `DiskLow`, `EngineStopped`.
        """
        when = run_at.isoformat() if run_at is not None else None
        made = self.call("enqueue", topic=topic, data=to_plain(data), delay=delay, run_at=when, priority=priority)
        return Receipt(made["message_id"], tuple(made["job_ids"]), made["parked"], made["duplicate"])

    def steps(self) -> list[dict[str, Any]]:
        """The steps that the application declares, each with its triggers."""
        return self._rows("steps", "steps")

    def stats(self) -> dict[str, Any]:
        """The engine's counters and gauges; those of each step's subscriptions under ``"subscriptions"``."""
        found: dict[str, Any] = self.call("stats")
        return found

    def jobs(
        self, *, state: str | None = None, step: str | None = None, limit: int = 100, after: int = 0
    ) -> list[dict[str, Any]]:
        """Up to `limit` unfinished jobs with id above `after`, by id; `state` is ready, scheduled, running or dead."""
        return self._paged("jobs", "jobs", limit, after, state=state, step=step)

    def job(self, job: int) -> dict[str, Any]:
        """One unfinished job, its failed attempts under ``"attempts"``. Raises `UnknownJob`."""
        found: dict[str, Any] = self.call("job", job=job)
        return found

    def parked(self, *, limit: int = 100, after: int = 0) -> list[dict[str, Any]]:
        """Up to `limit` messages that wait for a step on their topic, with id above `after`, by id."""
        return self._paged("parked", "messages", limit, after)

    def finished(self) -> list[dict[str, Any]]:
        """The last finished jobs, oldest first; a restart forgets them."""
        return self._rows("finished", "jobs")

    def dead_list(self, *, step: str | None = None, limit: int = 100, after: int = 0) -> list[dict[str, Any]]:
        """Up to `limit` dead letters with id above `after`, by id, each with its failed attempts."""
        return self._paged("dead.list", "jobs", limit, after, step=step)

    def dead_show(self, job: int) -> dict[str, Any]:
        """One dead letter. Raises `UnknownJob`."""
        found: dict[str, Any] = self.call("dead.show", job=job)
        return found

    def dead_retry(self, *jobs: int, step: str | None = None, every: bool = False, payload: Any = ...) -> int:
        """Makes dead letters ready again, with all their attempts before them; returns how many.

        Which: those named, all of a `step`, or with `every` all there are. A `payload` replaces the data of the one
        that is named. Raises `UnknownJob` (naming the jobs that are not dead; nothing was changed).
        """
        edit = {} if payload is ... else {"payload": to_plain(payload)}
        return int(self.call("dead.retry", jobs=jobs, step=step, every=every, **edit)["retried"])

    def dead_purge(self, *jobs: int, step: str | None = None, every: bool = False) -> int:
        """Forgets dead letters, chosen as for `dead_retry`; returns how many. Raises `UnknownJob`."""
        return int(self.call("dead.purge", jobs=jobs, step=step, every=every)["purged"])

    def state_get(self, group: str, key: str, default: Any = None) -> Any:
        """The value of one item, or `default`."""
        found = self.call("state.get", group=group, key=key)
        return default if found["version"] == 0 else found["value"]

    def state_set(self, group: str, key: str, value: Any, *, ttl: float | None = None) -> Any:
        """Sets an item, and returns the old value or None once the new one survives a crash; `ttl` is in seconds."""
        return self.call("state.set", group=group, key=key, value=to_plain(value), ttl=ttl)["old"]

    def state_delete(self, group: str, key: str) -> Any:
        """Deletes an item, and returns the value that it had or None."""
        return self.call("state.delete", group=group, key=key)["old"]

    def state_items(self, group: str, *, limit: int = 100, after: str | None = None) -> list[dict[str, Any]]:
        """Up to `limit` items ``{"key", "value", "version"}`` that follow the key `after`, in order of insertion."""
        return self._paged("state.items", "items", limit, after, group=group)

    def state_groups(self) -> list[dict[str, Any]]:
        """The groups that have items, as ``{"group", "items"}``, by name."""
        return self._rows("state.groups", "groups")

    def cron_list(self) -> list[dict[str, Any]]:
        """The cron triggers, with their last and next times."""
        return self._rows("cron.list", "schedules")

    def cron_run(self, name: str) -> dict[str, Any]:
        """Fires a step's tick now; returns its job. Raises `UnknownSubscription`."""
        found: dict[str, Any] = self.call("cron.run", name=name)
        return found

    def call(self, verb: str, **args: Any) -> Any:
        """Asks one verb of `control.admin.Admin`; the arguments and the result are what JSON can hold."""
        line = to_line({"verb": verb, "args": args})
        deadline = time.monotonic() + self.timeout
        with self._connected(deadline) as connection:
            return result_of(from_line(self._asked(connection, line, verb, deadline)))

    def _rows(self, verb: str, name: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.call(verb)[name]
        return rows

    def _paged(self, verb: str, name: str, limit: int, after: int | str | None, **args: Any) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = collected(self.call, verb, name, limit, after, **args)[name]
        return rows

    def _connected(self, deadline: float) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._connect(connection, deadline)
        except BaseException:
            connection.close()
            raise
        return connection

    def _connect(self, connection: socket.socket, deadline: float) -> None:
        address = self._address()
        while True:
            try:
                connection.settimeout(_left(deadline))
                return connection.connect(os.fspath(address))
            except (FileNotFoundError, ConnectionRefusedError):
                raise NotRunning(self._nothing_runs()) from None
            except BlockingIOError:  # more connections wait than its backlog takes
                time.sleep(0.01)
            except TimeoutError:
                raise ControlError(f"{address} took no connection within {self.timeout:g} s") from None
            except OSError as error:
                raise ControlError(f"cannot connect to {address}: {error}") from None

    def _address(self) -> Path:
        try:
            address = address_of(self.data_dir)
            # Asked here, since a path may be longer than the address of a socket can be.
            present = address.exists()
        except OSError as error:
            raise ControlError(f"cannot look for the control socket of {self.data_dir.absolute()}: {error}") from None
        if not present:
            raise NotRunning(self._nothing_runs())
        return address

    def _nothing_runs(self) -> str:
        if not self.data_dir.is_dir():
            return (
                f"there is no data directory {self.data_dir.absolute()}; name the application's own (data_dir=, "
                "--data-dir, MOTIA_FAST_DATA_DIR), or start the application, which makes it"
            )
        return (
            f"no application is running on the data directory {self.data_dir.absolute()}; start it with "
            "`motia-fast run TARGET`"
        )

    def _asked(self, connection: socket.socket, line: bytes, verb: str, deadline: float) -> bytes:
        try:
            connection.settimeout(_left(deadline))
            connection.sendall(line)
            return _line_of(connection, deadline)
        except TimeoutError:
            raise ControlError(self._unanswered(f"did not answer within {self.timeout:g} s", verb)) from None
        except OSError:
            raise ControlError(self._unanswered("went away before it answered", verb)) from None

    def _unanswered(self, what: str, verb: str) -> str:
        return (
            f"the process that runs on {self.data_dir.absolute()} {what}; whether it did what was asked "
            f'("{verb}") is not known'
        )


def collected(
    ask: Callable[..., Any], verb: str, name: str, limit: int, after: int | str | None, **args: Any
) -> dict[str, Any]:
    """``{name: rows, "next": key}`` of a verb with pages, which may each be shorter than what is asked for."""
    rows: list[dict[str, Any]] = []
    following = after
    while True:
        page = ask(verb, limit=limit - len(rows), after=following, **args)
        rows += page[name]
        following = page["next"]
        if following is None or len(rows) >= limit:
            return {name: rows, "next": following}


def _line_of(connection: socket.socket, deadline: float) -> bytes:
    parts: list[bytes] = []
    size = 0
    while not parts or not parts[-1].endswith(b"\n"):
        connection.settimeout(_left(deadline))
        part = connection.recv(_CHUNK)
        if not part:
            raise ConnectionResetError
        parts.append(part)
        size += len(part)
        if size > MAX_FRAME:
            raise ControlError(too_large(size))
    return b"".join(parts)


def _left(deadline: float) -> float:
    """Seconds until the deadline; raises `TimeoutError` when none are left."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
