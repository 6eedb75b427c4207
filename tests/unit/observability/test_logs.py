"""Log lines."""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

import pytest

from motia_fast.context import Run, TriggerInfo
from motia_fast.observability.logs import configured, formatter
from motia_fast.steplog import Logger

RUN = Run("Ship", TriggerInfo("queue", topic="orders"), "4bf92f3577b34da6a3ce929d0e0e4736", job_id=7, attempt=2)


class Kept(logging.Handler):
    """Keeps what was logged."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:  # type: ignore[explicit-override]  # typing has it from 3.12
        self.records.append(record)


@pytest.fixture
def kept() -> Any:
    handler = Kept()
    logger = logging.getLogger("motia_fast")
    logger.addHandler(handler)
    logger.setLevel("DEBUG")
    yield handler
    logger.removeHandler(handler)
    logger.setLevel("NOTSET")


def as_json(record: logging.LogRecord) -> dict[str, Any]:
    line = formatter("json", terminal=True).format(record)
    assert "\n" not in line
    found: dict[str, Any] = json.loads(line)
    return found


def test_a_line_has_step_job_attempt_and_trace(kept: Kept) -> None:
    Logger(lambda: RUN).info("Shipped", {"orderId": 1}, weight=2.5)
    line = as_json(kept.records[0])
    assert line.pop("time")
    assert line == {
        "level": "info",
        "logger": "motia_fast.step.Ship",
        "message": "Shipped",
        "step": "Ship",
        "job": 7,
        "attempt": 2,
        "trace": "4bf92f3577b34da6a3ce929d0e0e4736",
        "fields": {"orderId": 1, "weight": 2.5},
    }


def test_text_has_the_same(kept: Kept) -> None:
    Logger(lambda: RUN).warn("Shipped", orderId=1)
    text = formatter("text", terminal=False).format(kept.records[0])
    assert text.split(" ", 1)[1] == "WARNING Ship job=7 attempt=2 trace=4bf92f35  Shipped orderId=1"


def test_text_on_a_terminal_has_colour(kept: Kept) -> None:
    Logger(lambda: RUN).error("Lost")
    assert "\x1b[31mERROR" in formatter("auto", terminal=True).format(kept.records[0])
    assert "\x1b" not in formatter("auto", terminal=False).format(kept.records[0])


@pytest.mark.parametrize("method", ["exception", "error"])
def test_an_exception_is_logged_with_its_traceback(kept: Kept, method: str) -> None:
    logger = Logger(lambda: RUN)
    try:
        int("no such order")
    except ValueError:
        write = getattr(logger, method)
        write("Failed", exc_info=True)
    assert "ValueError: invalid literal" in as_json(kept.records[0])["traceback"]
    assert "ValueError: invalid literal" in formatter("text", terminal=False).format(kept.records[0])


def test_a_percent_sign_in_a_message_is_no_format(kept: Kept) -> None:
    Logger(lambda: RUN).info("100% of %s")
    assert as_json(kept.records[0])["message"] == "100% of %s"


def test_a_field_that_json_cannot_hold_does_not_lose_the_line(kept: Kept) -> None:
    Logger(lambda: RUN).info("Odd", what=object, nan=float("nan"))
    assert as_json(kept.records[0])["fields"] == {"what": "<class 'object'>", "nan": "nan"}


def test_the_caller_s_line_is_on_the_record(kept: Kept) -> None:
    Logger(lambda: RUN).info("Here")
    assert kept.records[0].filename == "test_logs.py"


def test_a_level_that_is_off_costs_no_record(kept: Kept) -> None:
    logging.getLogger("motia_fast").setLevel("WARNING")
    Logger(lambda: RUN).info("Quiet")
    assert kept.records == []


def test_configuring_shows_lines_and_is_undone(capsys: pytest.CaptureFixture[str]) -> None:
    logger = logging.getLogger("motia_fast")
    before = (logger.level, logger.propagate, list(logger.handlers))
    with configured("json", "INFO"):
        Logger(lambda: RUN).info("Shown")
        Logger(lambda: RUN).debug("Not shown")
    assert (logger.level, logger.propagate, list(logger.handlers)) == before
    lines = capsys.readouterr().err.splitlines()
    assert [json.loads(line)["message"] for line in lines] == ["Shown"]


def test_configuring_leaves_the_root_logger_alone() -> None:
    root = logging.getLogger()
    before = (root.level, list(root.handlers))
    with configured("text", "DEBUG"):
        assert (root.level, list(root.handlers)) == before
    assert sys.stderr is not None
