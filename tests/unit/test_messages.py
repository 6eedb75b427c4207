"""From what a user enqueues to a message."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from motia_fast.contract import Message
from motia_fast.errors import NotEncodable, ValidationFailed
from motia_fast.messages import message_of, message_to, meta_of

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_topic_and_data_make_a_message() -> None:
    assert message_of("orders", {"id": 1}, {}) == Message("orders", b'{"id":1}')


def test_one_object_makes_the_same_message() -> None:
    given = {"topic": "orders", "data": {"id": 1}, "delay": 2, "priority": 9}
    assert message_of(given, None, {}) == message_of("orders", {"id": 1}, {"delay": 2, "priority": 9})


def test_data_may_be_absent() -> None:
    assert message_of({"topic": "orders"}, None, {}).payload == b"null"


@pytest.mark.parametrize(
    ("options", "field", "expected"),
    [
        ({"delay": 2}, "delay", 2.0),
        ({"delay": 0}, "delay", 0.0),
        ({"delay": timedelta(minutes=1)}, "delay", 60.0),
        ({"delay": None}, "delay", None),
        ({"run_at": AT}, "run_at", 1_767_323_045_000_000),
        ({"run_at": AT.astimezone()}, "run_at", 1_767_323_045_000_000),
        ({"priority": 0}, "priority", 0),
        ({"priority": 9}, "priority", 9),
    ],
)
def test_options_are_taken(options: dict[str, Any], field: str, expected: object) -> None:
    assert getattr(message_of("orders", None, options), field) == expected


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"delay": -1}, "delay"),
        ({"delay": float("nan")}, "delay"),
        ({"delay": float("inf")}, "delay"),
        ({"delay": "1"}, "delay"),
        ({"delay": True}, "delay"),
        ({"delay": timedelta(seconds=-1)}, "delay"),
        ({"run_at": datetime(2026, 1, 1)}, "run_at"),  # noqa: DTZ001 -- that is the mistake
        ({"run_at": 1_767_323_045}, "run_at"),
        ({"run_at": AT, "delay": 1}, "run_at"),
        ({"priority": 10}, "priority"),
        ({"priority": -1}, "priority"),
        ({"priority": 1.0}, "priority"),
        ({"priority": True}, "priority"),
        ({"priorty": 1}, "priorty"),
    ],
)
def test_a_wrong_option_is_refused_and_named(options: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        message_of("orders", None, options)
    assert refused.value.details[0]["loc"] == [field]


def test_the_nearest_option_is_named() -> None:
    with pytest.raises(ValidationFailed, match='did you mean "priority"'):
        message_of("orders", None, {"priorty": 1})
    with pytest.raises(ValidationFailed, match='did you mean "topic"'):
        message_of({"topik": "orders"}, None, {})


@pytest.mark.parametrize("topic", ["", " ", None, 7, "x" * 513, "é" * 257, "a\nb", "a\x00", "\x1b[31m", "\udc80"])
def test_a_topic_is_a_string_of_1_to_512_bytes_without_control_characters(topic: Any) -> None:
    with pytest.raises(ValidationFailed, match="topic"):
        message_of(topic, None, {})


def test_a_topic_of_512_bytes_is_taken() -> None:
    assert message_of("é" * 256, None, {}).topic == "é" * 256


def test_data_that_json_cannot_hold_is_refused() -> None:
    with pytest.raises(NotEncodable, match=r"payload\.price"):
        message_of("orders", {"price": float("nan")}, {})


def test_a_message_can_go_to_one_subscription() -> None:
    message = message_to("Ship/orders", "orders", 1, {"priority": 7}, meta_of("abc"))
    assert message == Message("orders", b"1", subscription="Ship/orders", priority=7, meta=b'{"trace":"abc"}')
