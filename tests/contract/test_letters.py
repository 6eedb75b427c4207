"""What a dead letter tells its topic, whatever the payload and the error were: a settlement is never lost to it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from motia_fast.contract import Failed, Failure, Message
from tests.contract.verbs import BOOM, DEADLINE, retrying, settle, sub, take_one

if TYPE_CHECKING:
    from motia_fast.contract import Engine


def letter(engine: Engine, payload: bytes, error: Failure) -> dict[str, Any]:
    """Lets a job of that payload die of that error; returns the data that the topic of dead letters gets."""
    engine.register([sub(retry=retrying(0), dead_letter_topic="failed"), sub("read/failed")])
    assert engine.wait(engine.enqueue([Message("jobs", payload)]).commit, DEADLINE)
    settle(engine, take_one(engine), Failed(error))
    data: dict[str, Any] = json.loads(take_one(engine).payload)
    return data


def test_an_error_that_utf_8_cannot_hold_is_told_without_what_it_cannot_hold(engine: Engine) -> None:
    assert letter(engine, b'{"n": 1}', Failure("ValueError", "bad \ud800"))["error"] == "bad ?"


@pytest.mark.parametrize("payload", [b"[" * 254 + b"]" * 254, b'{"a":' * 600 + b"1" + b"}" * 600])
def test_a_payload_that_is_too_deep_to_be_written_again_is_told_as_text(engine: Engine, payload: bytes) -> None:
    assert letter(engine, payload, BOOM)["data"] == payload.decode()


def test_a_payload_that_is_no_json_is_told_as_text(engine: Engine) -> None:
    assert letter(engine, b"\xff{", BOOM)["data"] == "\ufffd{"


def test_the_dead_job_itself_keeps_its_payload(engine: Engine) -> None:
    letter(engine, b"[" * 254 + b"]" * 254, BOOM)
    assert [dead.payload for dead in engine.dead.list()] == [b"[" * 254 + b"]" * 254]
