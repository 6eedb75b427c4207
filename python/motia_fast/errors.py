"""Everything that can be raised: errors (something is wrong) and signals (a handler speaks to the engine).

Each error says what was wrong, where, and what to do. `MotiaError` is the root of the first tree, `Signal` of the
second; the two never mix, so `except MotiaError` cannot swallow a handler's `raise Retry(..)`.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path


class MotiaError(Exception):
    """The root of everything that motia_fast raises because something is wrong."""


def nearest(name: str, known: Iterable[str]) -> str:
    """The tail of an error about an unknown name: ``; did you mean "max_retries"?``, or ""."""
    found = get_close_matches(name, list(known), n=1)
    return f'; did you mean "{found[0]}"?' if found else ""


# ---------------------------------------------------------------- declaration


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake in a declaration: what is wrong, and where.

    `where` reads from the outside in, such as ``steps/cleanup_step.py, step "Cleanup", trigger 1 (cron)``.
    """

    where: str
    what: str


class DeclarationError(MotiaError):
    """Steps, triggers or the application are declared wrongly; nothing was started. Names every mistake at once."""

    def __init__(self, mistakes: Sequence[Mistake], within: str = "your steps") -> None:
        """Keeps the mistakes in the order in which they were found, under `mistakes`; `within` says what has them."""
        self.mistakes = tuple(mistakes)
        super().__init__(self._text(within))

    def _text(self, within: str) -> str:
        count = len(self.mistakes)
        noun = "mistake" if count == 1 else "mistakes"
        head = f"{count} {noun} in {within}, nothing was started"
        return "\n\n".join(
            [
                head,
                *(f"  {m.where}\n    " + m.what.replace("\n", "\n    ") for m in self.mistakes),
            ]
        )


class ConditionError(MotiaError, ValueError):
    """An `F` expression is not one that both engines can evaluate alike, such as an unsupported regular expression."""


class CronError(MotiaError, ValueError):
    """A cron expression or time zone is not valid, or never fires."""


class SchemaError(MotiaError, ValueError):
    """A schema is none that inputs can be checked against, such as a JSON Schema that is not valid."""


class SettingsError(MotiaError):
    """A setting, from the code, the environment or a flag, is unknown or has a wrong value."""


# ---------------------------------------------------------------- engine


class EngineError(MotiaError):
    """The root of what an engine raises."""


class DataDirLocked(EngineError):
    """Another process has the data directory; `holder` has what its lock file says, such as ``{"pid": 4242}``."""

    def __init__(self, path: Path, holder: Mapping[str, object]) -> None:
        """Names the holder's process in the message."""
        self.path = path
        self.holder = dict(holder)
        pid = self.holder.get("pid", "unknown")
        super().__init__(
            f"the data directory {path} is in use by process {pid}; stop that process, or use another directory "
            "(--data-dir, MOTIA_FAST_DATA_DIR)"
        )


class DataDirUnusable(EngineError):
    """The data directory cannot hold an engine: not writable, not a directory, or on a file system without locks."""


class FormatTooNew(EngineError):
    """The file was written by a newer motia_fast, in a format that this one cannot read."""

    def __init__(self, path: Path, found: int, supported: int) -> None:
        """Names both format numbers."""
        self.path = path
        self.found = found
        self.supported = supported
        super().__init__(
            f"{path} has format {found}, and this motia_fast reads up to format {supported}; upgrade motia-fast"
        )


class StoreCorrupt(EngineError):
    """The file is not a motia_fast database, or is damaged. It was not touched."""


class EngineStopped(EngineError):
    """A write or sync failed, so the engine stopped for good; with the cause gone, it opens again with nothing lost."""


class EngineClosed(EngineError):
    """The engine was closed, or not opened yet."""


class EngineForked(EngineError):
    """The engine belongs to the parent process; a forked child cannot use it. Use `Client(data_dir)` there."""


class PendingFull(EngineError):
    """Too much waits for its sync; nothing of the call was kept. The layers above wait for room and call again."""


class DiskLow(EngineError):
    """Less than `min_free_disk` is free, so new work is refused, while running jobs can still settle."""


class LeaseLost(EngineError):
    """The lease that was shown is not the one in force: the job was settled, or released to another run."""


class UnknownSubscription(EngineError):
    """A message names a subscription that no step declares."""


class UnknownJob(EngineError):
    """There is no job with that id in the state that was asked for."""


class PayloadTooLarge(EngineError):
    """A payload, key or value is over its limit; nothing was kept."""


class VersionConflict(EngineError):
    """A state item does not have the version that was expected; nothing was written."""

    def __init__(self, group: str, key: str, expected: int, found: int) -> None:
        """A `found` of 0 means that the item does not exist."""
        self.group = group
        self.key = key
        self.expected = expected
        self.found = found
        super().__init__(f"state {group}/{key} has version {found}, expected {expected}; read it again and retry")


class UpdateRefused(EngineError):
    """A state update does not fit the value it is applied to, such as an increment of a string; nothing was written."""


# ---------------------------------------------------------------- use


class NotEncodable(MotiaError, TypeError):
    """A value that JSON cannot hold, such as NaN or a socket; names the path to it."""


class ValidationFailed(MotiaError, ValueError):
    """An input does not match its schema; `details` lists ``{"loc", "msg", "type"}`` for each field."""

    def __init__(self, what: str, details: Iterable[Mapping[str, object]]) -> None:
        """`what` names the input, such as ``payload for topic "orders"``."""
        self.details = [dict(detail) for detail in details]
        fields = "; ".join(f"{_dotted(d.get('loc'))}: {d.get('msg')}" for d in self.details)
        super().__init__(f"{what} is not valid: {fields}")


def _dotted(loc: object) -> str:
    if isinstance(loc, list | tuple):
        return ".".join(str(part) for part in loc) or "(whole input)"
    return str(loc)


class NoRunningStep(MotiaError, RuntimeError):
    """An ambient name (`enqueue`, `logger`, `state_manager`) was used where no step is running."""


class ContextClosed(MotiaError, RuntimeError):
    """The run that this context belonged to timed out, was cancelled or released, so its writes are refused."""


class StepTimeout(MotiaError, TimeoutError):
    """A handler ran longer than its `timeout`."""


class NotRunning(MotiaError):
    """No engine is running on the data directory."""


class PortTaken(MotiaError):
    """Another process listens on the address."""


class ControlError(MotiaError):
    """The running process refused a request that came over its control socket."""


# ---------------------------------------------------------------- signals


class Signal(Exception):
    """The root of what a handler raises to speak to the engine."""


class Retry(Signal):
    """Run this job again, counting an attempt; it is a dead letter when its attempts are used up."""

    def __init__(self, after: float | None = None, reason: str = "") -> None:
        """`after` is in seconds; None takes the step's own back-off."""
        self.after = after
        self.reason = reason
        super().__init__(reason or "retry")


class Snooze(Signal):
    """Run this job again after `seconds`, without counting an attempt."""

    def __init__(self, seconds: float, reason: str = "") -> None:
        """`seconds` is 0 or more."""
        self.seconds = seconds
        self.reason = reason
        super().__init__(reason or "snooze")


class Skip(Signal):
    """Finish this job without doing it; counted as skipped."""

    def __init__(self, reason: str = "") -> None:
        """`reason` is logged, and kept in the history of finished jobs."""
        self.reason = reason
        super().__init__(reason or "skip")


class Dead(Signal):
    """Give this job up at once: it becomes a dead letter, whatever attempts are left."""

    def __init__(self, reason: str = "") -> None:
        """`reason` is kept with the dead letter."""
        self.reason = reason
        super().__init__(reason or "dead")
