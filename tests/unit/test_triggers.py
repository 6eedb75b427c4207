"""Triggers: what they are by default, what is wrong with them, and their dict form."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pydantic import BaseModel

from motia_fast.arguments import Predicate
from motia_fast.conditions import F
from motia_fast.contract import RetryPolicy
from motia_fast.schemas import Schema
from motia_fast.triggers import (
    CronTrigger,
    HttpTrigger,
    NoopTrigger,
    QueryParam,
    QueueTrigger,
    cron,
    http,
    noop,
    queue,
    trigger_of,
)


class Order(BaseModel):
    id: str


async def middleware(request: object, ctx: object, following: object) -> object:
    return (request, ctx, following)


def expensive(order: Any) -> bool:
    return bool(order["amount"] > 1000)


MINIMUM = {"http": {"method": "GET", "path": "/"}, "queue": {}, "cron": {"expression": "@daily"}}


def mistakes(kind: str, **options: Any) -> tuple[str, ...]:
    return trigger_of({"type": kind, **MINIMUM[kind], **options}).mistakes


def test_triggers_have_the_defaults_of_the_page() -> None:
    assert queue("orders") == QueueTrigger(
        "orders", priority=5, concurrency=10, retry=RetryPolicy(), delay=0.0, timeout=900.0, retry_on=None
    )
    assert http("get", "/orders") == HttpTrigger("GET", "/orders", request_timeout=30.0, max_body=None)
    assert noop() == NoopTrigger()
    daily = cron("@daily")
    assert (daily.timezone, daily.misfire, daily.overlap, daily.mistakes) == ("UTC", "once", "skip", ())
    assert daily.crontab is not None


def test_a_queue_trigger_takes_every_option() -> None:
    trigger = queue(
        "orders",
        input=Order,
        condition=F.amount > 1000,
        priority=9,
        concurrency=1,
        max_retries=0,
        backoff="linear",
        backoff_delay=timedelta(seconds=2),
        backoff_max=60,
        jitter=0,
        delay=timedelta(minutes=1),
        timeout=None,
        retry_on=OSError,
        discard_on=[KeyError, ValueError],
        dead_letter_topic="failed",
    )
    assert trigger == QueueTrigger(
        topic="orders",
        input=Schema.of(Order),
        condition=F.amount > 1000,
        priority=9,
        concurrency=1,
        retry=RetryPolicy(0, "linear", 2.0, 60.0, 0.0),
        delay=60.0,
        timeout=None,
        retry_on=(OSError,),
        discard_on=(KeyError, ValueError),
        dead_letter_topic="failed",
    )


def test_an_http_trigger_takes_every_option() -> None:
    trigger = http(
        "POST",
        "/orders/:id",
        body_schema=Order,
        response_schema={200: Order, "404": {"type": "object"}},
        query_params={"type": "object"},
        middleware=[middleware],
        condition=expensive,
        request_timeout=timedelta(seconds=5),
        max_body=10,
    )
    assert trigger == HttpTrigger(
        method="POST",
        path="/orders/:id",
        body_schema=Schema.of(Order),
        response_schema={200: Schema.of(Order), 404: Schema.of({"type": "object"})},
        query_params=Schema.of({"type": "object"}),
        middleware=(middleware,),
        condition=Predicate(expensive, takes_context=False, is_async=False),
        request_timeout=5.0,
        max_body=10,
    )


def test_one_response_schema_is_for_any_success() -> None:
    assert http("GET", "/", response_schema=Order).response_schema == {None: Schema.of(Order)}
    assert http("GET", "/", response_schema={"type": "object"}).response_schema == {None: Schema.of({"type": "object"})}


def test_motia_s_list_of_query_parameters_describes_and_does_not_check() -> None:
    trigger = http("GET", "/", query_params=[{"name": "page", "description": "from 1"}, {"name": "size"}])
    assert trigger.query_docs == (QueryParam("page", "from 1"), QueryParam("size"))
    assert trigger.query_params is None


@pytest.mark.parametrize(
    ("kind", "options", "expected"),
    [
        ("queue", {"max_retry": 3}, 'unknown option "max_retry"; did you mean "max_retries"?'),
        ("queue", {"maxRetry": 3}, 'unknown option "maxRetry"; did you mean "max_retries"?'),
        ("queue", {"zzz": 3}, 'unknown option "zzz"'),
        ("queue", {"type_": 3}, 'unknown option "type_"'),
        ("queue", {"config": {"type": "fifo"}}, "option \"type='fifo'\" is not available yet"),
        ("queue", {"rateLimit": "1/s"}, "option \"rate_limit='1/s'\" is not available yet"),
        ("queue", {"limit_key": "a"}, "option \"limit_key='a'\" is not available yet"),
        ("queue", {"concurrency_key": "a"}, "option \"concurrency_key='a'\" is not available yet"),
        ("queue", {"concurrency_per_key": 1}, 'option "concurrency_per_key" is not available yet'),
        ("queue", {"batch": 10}, 'option "batch" is not available yet'),
        ("queue", {"linger": 1}, 'option "linger" is not available yet'),
        ("queue", {"message_group_id": 1}, 'option "message_group_id" is not available yet'),
        ("queue", {"dedup": 1}, 'option "dedup" is not available yet'),
        ("queue", {"transactional": True}, 'option "transactional" is not available yet'),
        ("queue", {"keep_result": 1}, 'option "keep_result" is not available yet'),
        ("queue", {"max_backlog": 1}, 'option "max_backlog" is not available yet'),
        ("cron", {"jitter": 1}, 'option "jitter" is not available yet'),
        ("http", {"idempotency": True}, 'option "idempotency" is not available yet'),
        ("queue", {"topic": ""}, "\"topic\" must be a string with something in it, and no control characters, not ''"),
        ("queue", {"topic": 3}, '"topic" must be a string with something in it, and no control characters, not 3'),
        ("queue", {"priority": 10}, '"priority" must be a whole number from 0 to 9, not 10'),
        ("queue", {"priority": True}, '"priority" must be a whole number from 0 to 9, not True'),
        ("queue", {"concurrency": 0}, '"concurrency" must be a whole number from 1 up, not 0'),
        ("queue", {"max_retries": -1}, '"max_retries" must be a whole number from 0 up, not -1'),
        ("queue", {"max_retries": 1.5}, '"max_retries" must be a whole number from 0 up, not 1.5'),
        (
            "queue",
            {"backoff": "exponentiel"},
            '"backoff" must be "exponential", "linear" or "fixed", not \'exponentiel\'; did you mean "exponential"?',
        ),
        (
            "queue",
            {"backoff": expensive},
            '"backoff" must be "exponential", "linear" or "fixed"; a function is not available yet',
        ),
        (
            "queue",
            {"backoff_delay": "1s"},
            "\"backoff_delay\" must be a number of seconds from 0 up, or a timedelta, not '1s'",
        ),
        ("queue", {"jitter": 2}, '"jitter" must be a number from 0 to 1, not 2'),
        ("queue", {"delay": -1}, '"delay" must be a number of seconds from 0 up, or a timedelta, not -1'),
        ("queue", {"timeout": 0}, '"timeout" must be more than 0 seconds, or None for no limit'),
        ("queue", {"retry_on": "x"}, "\"retry_on\" must be types of exceptions, such as ValueError, not 'x'"),
        (
            "queue",
            {"discard_on": (ValueError, 3)},
            '"discard_on" must be types of exceptions, such as ValueError, not 3',
        ),
        ("queue", {"condition": 3}, '"condition" must be a condition: 3 is no condition'),
        ("queue", {"condition": F.paid}, '"condition" must be a condition: F.paid is no condition'),
        ("queue", {"condition": lambda: True}, '"condition" must be a condition: <lambda>() must take the input'),
        ("queue", {"input": "Order"}, "\"input\" must be a schema: 'Order' is not a schema"),
        ("queue", {"input": {"type": "objec"}}, '"input" must be a schema: the JSON Schema is not valid at type'),
        ("http", {"method": ""}, '"method" must be a string with something in it'),
        ("http", {"method": "PSOT"}, '"OPTIONS", not \'PSOT\'; did you mean "POST"?'),
        ("http", {"method": "gte"}, "not 'gte'; did you mean \"GET\"?"),
        (
            "http",
            {"method": "PROPFIND"},
            '"method" must be "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD" or "OPTIONS"',
        ),
        ("http", {"middleware": middleware}, '"middleware" must be a list, not <function middleware'),
        ("http", {"middleware": [3]}, '"middleware" must have functions, not 3'),
        ("http", {"max_body": -1}, '"max_body" must be a whole number from 0 up, not -1'),
        ("http", {"query_params": ["page"]}, '"query_params" must be a schema, or a list of {"name"'),
        ("http", {"responseSchema": {200: 3}}, '"response_schema" must be a schema: 3 is not a schema'),
        ("cron", {"expression": "* * *"}, '"* * *"'),
        ("cron", {"expression": "0 0 31 2 *"}, '"0 0 31 2 *" never fires: February has no day 31'),
        ("cron", {"timezone": "Europe/Berlim"}, "Europe/Berlim"),
        ("cron", {"misfire": "twice"}, '"misfire" must be "once", "skip" or "all", not \'twice\''),
        ("cron", {"overlap": 1}, '"overlap" must be "skip" or "allow", not 1'),
        ("cron", {"condition": F.a == 1}, '"condition" must be a function: a tick has no payload that F.a == 1'),
    ],
)
def test_a_wrong_option_is_a_mistake_that_names_it(kind: str, options: dict[str, Any], expected: str) -> None:
    [mistake] = mistakes(kind, **options)
    assert mistake.startswith(expected) or expected in mistake


def test_the_mistakes_of_one_trigger_are_told_together_and_nothing_is_raised() -> None:
    trigger = queue("orders", max_retry=3, priority=10, timeout=-1)  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
    assert len(trigger.mistakes) == 3


def test_a_standard_queue_may_be_called_so() -> None:
    assert mistakes("queue", config={"type": "standard"}) == ()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"type": "queue", "topic": "a", "input": Order}, queue("a", input=Order)),
        ({"type": "event", "topic": "a"}, queue("a")),
        (
            {
                "type": "queue",
                "topic": "a",
                "config": {"maxRetries": 5, "backoffDelayMs": 250, "visibilityTimeout": 30},
            },
            queue("a", max_retries=5, backoff_delay=0.25, timeout=30),
        ),
        ({"type": "queue", "maxRetries": 1, "deadLetterTopic": "d"}, queue(max_retries=1, dead_letter_topic="d")),
        ({"type": "http", "method": "POST", "path": "/", "bodySchema": Order}, http("POST", "/", body_schema=Order)),
        ({"type": "api", "method": "POST", "path": "/"}, http("POST", "/")),
        ({"type": "cron", "expression": "@daily"}, cron("@daily")),
        ({"type": "cron", "cron": "@daily"}, cron("@daily")),
        ({"type": "noop"}, noop()),
    ],
)
def test_a_dict_is_the_same_as_the_helper(value: dict[str, Any], expected: object) -> None:
    assert trigger_of(value) == expected


def test_a_helper_takes_motia_s_names_too() -> None:
    assert queue("a", config={"maxRetries": 5}) == queue("a", max_retries=5)  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
    assert http("GET", "/", bodySchema=Order) == http("GET", "/", body_schema=Order)  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        ({"type": "state"}, "state", "state triggers are not available yet"),
        ({"type": "stream", "name": "chat"}, "stream", "stream triggers are not available yet"),
        ({"type": "queu"}, "queu", "unknown trigger type 'queu'; did you mean \"queue\"?"),
        ({"type": ["queue"]}, "['queue']", "unknown trigger type ['queue']"),
        ({"topic": "a"}, "None", '"type" is missing; it is one of "http", "queue", "cron", "noop"'),
        ("orders", "str", "'orders' is no trigger; write http(..), queue(..), cron(..), noop(), or a dict with a type"),
    ],
)
def test_what_is_no_trigger_is_a_mistake_of_its_own_type(value: object, kind: str, expected: str) -> None:
    trigger = trigger_of(value)
    assert trigger.type == kind
    assert trigger.mistakes[0].startswith(expected)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"type": "http", "method": "GET"}, ("option \"path\" is missing, such as '/orders'",)),
        ({"type": "cron"}, ("option \"expression\" is missing, such as '0 * * * *'",)),
        (
            {"type": "http", "maxBody": -1},
            (
                "option \"method\" is missing, such as 'GET'",
                "option \"path\" is missing, such as '/orders'",
                '"max_body" must be a whole number from 0 up, not -1',
            ),
        ),
    ],
)
def test_a_dict_that_lacks_an_option_is_told_with_all_else(value: dict[str, Any], expected: tuple[str, ...]) -> None:
    assert trigger_of(value).mistakes == expected


def test_keys_that_are_no_names_are_mistakes() -> None:
    assert trigger_of({"type": "queue", 3: 4}).mistakes == ("3 is not the name of an option",)


def test_a_trigger_is_taken_as_it_is() -> None:
    trigger = cron("@daily")
    assert trigger_of(trigger) is trigger
    assert isinstance(trigger, CronTrigger)
