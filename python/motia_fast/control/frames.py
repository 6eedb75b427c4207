"""What passes over the control socket: one JSON object a line.

A request is ``{"verb": "jobs", "args": {"limit": 10}}``; its answer is ``{"ok": RESULT}``, or ``{"error": {"type":
"UnknownJob", "message": TEXT, "fields": {..}}}``, where the fields are the error's attributes that JSON can hold.
"""

from __future__ import annotations

import json
from typing import Any, NoReturn

from motia_fast import errors
from motia_fast.errors import ControlError, MotiaError

#: Bytes of one line, its end included.
MAX_FRAME = 8 * 1024 * 1024


def to_line(frame: dict[str, Any]) -> bytes:
    """A frame as a line. Raises `ControlError` if it is too large."""
    text = json.dumps(frame, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    line = text.encode(errors="surrogatepass") + b"\n"  # json.loads reads a lone surrogate that way too
    if len(line) > MAX_FRAME:
        raise ControlError(too_large(len(line)))
    return line


def from_line(line: bytes) -> dict[str, Any]:
    """The frame of a line. Raises `ControlError` saying what is wrong with it."""
    try:
        frame = json.loads(line, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise ControlError(f"the frame is not JSON: {error}") from None
    if not isinstance(frame, dict):
        raise ControlError(f"the frame is not a JSON object but {type(frame).__name__}")
    return frame


def request_of(line: bytes) -> tuple[str, dict[str, Any]]:
    """The verb and its arguments. Raises `ControlError` saying what is wrong with the frame."""
    frame = from_line(line)
    verb, args = frame.get("verb"), frame.get("args", {})
    if not isinstance(verb, str) or not isinstance(args, dict) or frame.keys() - {"verb", "args"}:
        raise ControlError('a request is {"verb": TEXT, "args": OBJECT} and nothing else')
    return verb, args


def refusal(error: Exception) -> dict[str, Any]:
    """The answer that carries an error."""
    fields = {name: value for name, value in vars(error).items() if _is_json(value)}
    return {"error": {"type": type(error).__name__, "message": str(error), "fields": fields}}


def result_of(answer: dict[str, Any]) -> Any:
    """The result that an answer carries; raises the error that it carries instead.

    An error that this motia_fast does not know, or that is a fault of the running process, is a `ControlError`.
    """
    if "ok" in answer:
        return answer["ok"]
    error = answer.get("error")
    if not isinstance(error, dict):
        raise ControlError("the answer has neither a result nor an error; is the running process another version?")
    raise _rebuilt(str(error.get("type")), str(error.get("message")), error.get("fields") or {})


def too_large(size: int) -> str:
    """What is said about a frame of `size` bytes."""
    return f"a frame of {size:,} bytes is over the control socket's limit of {MAX_FRAME:,} bytes; send less at once"


def _rebuilt(name: str, message: str, fields: dict[str, Any]) -> MotiaError:
    kind = getattr(errors, name, None)
    if not isinstance(kind, type) or not issubclass(kind, MotiaError):
        return ControlError(message if name == "ControlError" else f"{name}: {message}")
    # Some constructors compose the message from parts; the message is complete here, so none of them is called.
    error = kind.__new__(kind, message)
    for field, value in fields.items():
        setattr(error, field, value)
    return error


def _is_json(value: object) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return False
    return True


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON number")
