"""What the pipeline itself answers when something is wrong: a status, and a JSON object that begins with "error"."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from motia_fast.errors import DiskLow, EngineClosed, EngineStopped, PendingFull
from motia_fast.responses import Response

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from motia_fast.responses import HeaderValue


class Refused(Exception):
    """Ends a request with `response`: raised wherever it is found out, answered in one place."""

    def __init__(self, response: Response) -> None:
        """Carries the answer."""
        self.response = response
        super().__init__(f"{response.status} {response.body}")


def refusal(
    status: int, error: str, message: str = "", headers: Mapping[str, HeaderValue] | None = None, **more: Any
) -> Response:
    """`error` is the code that programs read, `message` the sentence that people do; `more` lies beside them."""
    said = {"message": message} if message else {}
    return Response(status, {"error": error, **said, **more}, headers or {})


def not_found(path: str) -> Response:
    """No step has the path."""
    return refusal(404, "not_found", f"no step answers {_short(path)}")


def method_not_allowed(method: str, path: str, allow: Sequence[str]) -> Response:
    """Steps have the path, but for other methods."""
    methods = ", ".join(allow)
    return refusal(405, "method_not_allowed", f"{_short(path)} takes {methods}, not {method}", {"allow": methods})


def validation_failed(details: Sequence[Mapping[str, object]]) -> Response:
    """The body or the query does not match its schema."""
    return refusal(400, "validation_failed", details=list(details))


def condition_not_met() -> Response:
    """The trigger's condition is false."""
    return refusal(422, "condition_not_met")


def internal_error(error_id: str) -> Response:
    """A handler, a condition or middleware raised or returned nonsense; the log has the rest under the id."""
    return refusal(500, "internal_error", error_id=error_id)


def unavailable(why: str) -> Response:
    """The engine or the server cannot serve the request now; asking again later may help."""
    return refusal(503, "unavailable", why, {"retry-after": "1"})


def timed_out(seconds: float) -> Response:
    """The step ran longer than its trigger's `request_timeout`."""
    return refusal(504, "timeout", f"the step did not answer within {seconds:g} s")


def of_engine(error: BaseException) -> Response | None:
    """The 503 for an engine that cannot take the work; None for any other error.

    The engine's own words stay in the log: they name paths of the machine.
    """
    for kind, why in _ENGINE:
        if isinstance(error, kind):
            return unavailable(why)
    return None


_ENGINE = (
    (EngineStopped, "the engine stopped because it could not write; see the log"),
    (EngineClosed, "the engine is not open"),
    (DiskLow, "the disk is almost full, so no new work is taken"),
    (PendingFull, "too much work waits to be written"),
)


def _short(path: str) -> str:
    return path if len(path) <= 100 else path[:100] + ".."  # noqa: PLR2004 -- enough to know which one
