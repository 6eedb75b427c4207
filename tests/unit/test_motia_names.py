"""Motia's spellings."""

from __future__ import annotations

from typing import Any

import pytest

from motia_fast.motia_names import modern, renamed, snake, trigger_type

QUEUE = ["topic", "input", "max_retries", "backoff", "backoff_delay", "timeout", "delay", "concurrency", "type"]
STEP = ["name", "triggers", "enqueues", "virtual_enqueues", "flows"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("maxRetries", "max_retries"),
        ("backoffDelayMs", "backoff_delay_ms"),
        ("max_retries", "max_retries"),
        ("bodySchema", "body_schema"),
        ("topic", "topic"),
        ("FIFO", "FIFO"),
        ("useHTTPCache", "use_http_cache"),
        ("", ""),
    ],
)
def test_camel_case_becomes_snake_case(name: str, expected: str) -> None:
    assert snake(name) == expected


@pytest.mark.parametrize(("name", "expected"), [("api", "http"), ("event", "queue"), ("cron", "cron"), (None, None)])
def test_older_types_have_their_names_of_today(name: object, expected: object) -> None:
    assert trigger_type(name) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"maxRetries": 5}, {"max_retries": 5}),
        ({"max_retries": 5}, {"max_retries": 5}),
        ({"maxRetry": 5}, {"maxRetry": 5}),  # not known: as it was written
        ({"config": {"maxRetries": 5, "backoffDelayMs": 500}}, {"max_retries": 5, "backoff_delay": 0.5}),
        ({"config": {"visibility_timeout": 30, "delaySeconds": 2}}, {"timeout": 30, "delay": 2}),
        ({"config": {"backoffType": "fixed", "concurrency": 2}}, {"backoff": "fixed", "concurrency": 2}),
        ({"config": {"backoffDelayMs": "soon"}}, {"backoff_delay": "soon"}),  # refused by the option's own check
        ({"config": {"type": "fifo"}}, {"type": "fifo"}),
    ],
)
def test_queue_options_have_our_names(given: dict[str, Any], expected: dict[str, Any]) -> None:
    assert renamed("queue", given, QUEUE) == (expected, [])


@pytest.mark.parametrize(
    ("given", "mistake"),
    [
        ({"config": {"maxRetry": 5}}, 'unknown option "maxRetry" in "config"; did you mean "max_retries"?'),
        ({"config": 3}, '"config" must be a dict, not 3'),
        ({"maxRetries": 1, "max_retries": 2}, '"max_retries" is given twice'),
        ({"maxRetries": 1, "config": {"maxRetries": 2}}, '"max_retries" is given twice'),
        ({3: 4}, "3 is not the name of an option"),
    ],
)
def test_what_cannot_be_renamed_is_told(given: dict[Any, Any], mistake: str) -> None:
    assert renamed("queue", given, QUEUE)[1] == [mistake]


def test_cron_has_its_older_key() -> None:
    assert renamed("cron", {"cron": "@daily"}, ["expression"]) == ({"expression": "@daily"}, [])


def test_a_step_s_older_keys_are_renamed_and_those_without_meaning_left_out() -> None:
    given = {"emits": ["a"], "virtualEmits": ["b"], "includeFiles": ["c"], "virtualSubscribes": ["d"], "flow": ["e"]}
    assert renamed("step", given, STEP) == ({"enqueues": ["a"], "virtual_enqueues": ["b"], "flow": ["e"]}, [])


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"name": "a", "triggers": []}, {"name": "a", "triggers": []}),
        ({"name": "a"}, {"name": "a"}),
        (
            {"type": "event", "name": "a", "subscribes": ["x", "y"], "emits": ["z"], "input": 1},
            {
                "name": "a",
                "emits": ["z"],
                "triggers": [
                    {"type": "event", "input": 1, "topic": "x"},
                    {"type": "event", "input": 1, "topic": "y"},
                ],
            },
        ),
        (
            {"type": "api", "name": "a", "method": "GET", "path": "/", "flows": ["f"]},
            {"name": "a", "flows": ["f"], "triggers": [{"type": "api", "method": "GET", "path": "/"}]},
        ),
        ({"type": "cron", "cron": "@daily"}, {"triggers": [{"type": "cron", "cron": "@daily"}]}),
    ],
)
def test_an_older_config_gets_triggers(config: dict[str, Any], expected: dict[str, Any]) -> None:
    assert modern(config, STEP) == expected
