"""One request in its step: what goes around it, what it may do wrong, and when its response is sent."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
from typing import Any

import pytest

from motia_fast.conditions import Condition, F
from motia_fast.context import Context, SyncContext, current
from motia_fast.errors import DiskLow, EngineClosed, EngineStopped, PendingFull, Retry
from motia_fast.requests import Request
from motia_fast.responses import Response
from motia_fast.steps import step
from motia_fast.triggers import http
from tests.unit.web.site import Site, raising, returning

NAN = float("nan")


# ---------------------------------------------------------------- what a handler does wrong


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (17, "returned 17"),
        ({"id": 1}, "returned {'id': 1}"),
        ({"status": 1000}, "has the status 1000"),
        ({"status": 200, "headers": {"x": "a\r\nb: c"}}, "'a\\r\\nb: c'"),
        ({"status": 200, "body": {"price": NAN}}, "body.price: NaN is not JSON"),
        ({"status": 200, "body": object()}, "body: an object is not JSON"),
    ],
)
async def test_nonsense_is_a_500_and_the_log_names_the_step_and_what_it_was(
    value: Any, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await Site(returning(value)).ask("GET", "/")
    assert (answer.status, set(answer.json)) == (500, {"error", "error_id"})
    (record,) = caplog.records
    assert 'Step "Returning" returned' in record.getMessage()
    assert why in record.getMessage()
    assert record.__dict__["fields"]["error_id"] == answer.json["error_id"]


@pytest.mark.parametrize("error", [ValueError("secret"), Retry(), SystemExit(3), asyncio.CancelledError(), KeyError()])
async def test_what_a_handler_raises_is_a_500_and_only_the_log_has_it(
    error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await Site(raising(error)).ask("GET", "/")
    assert answer.status == 500
    assert set(answer.json) == {"error", "error_id"}
    assert answer.json["error"] == "internal_error"
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.exc_info is not None
    assert record.exc_info[1] is error
    assert record.__dict__["fields"] == {"error_id": answer.json["error_id"], "method": "GET", "path": "/"}
    assert record.__dict__["run"].step == "Raising"


@pytest.mark.parametrize(
    "error", [EngineStopped("/data/engine.db: no space"), EngineClosed("x"), DiskLow("/data"), PendingFull("x")]
)
async def test_an_engine_that_cannot_take_the_work_is_a_503_that_names_no_paths(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await Site(raising(error)).ask("GET", "/")
    assert (answer.status, answer.json["error"]) == (503, "unavailable")
    assert "/data" not in answer.json["message"]
    assert str(error) in str(caplog.records[0].__dict__["fields"])


async def test_a_def_handler_runs_in_a_thread_with_its_own_context() -> None:
    @step(http("GET", "/"), name="Blocking")
    def blocking(request: Request[Any], ctx: SyncContext) -> Any:
        assert current.get() is ctx
        return {"status": 200, "body": threading.current_thread() is threading.main_thread()}

    assert (await Site(blocking).ask("GET", "/")).json is False


async def test_what_a_def_handler_raises_is_a_500_too() -> None:
    @step(http("GET", "/"), name="Blocking")
    def blocking(request: Request[Any]) -> Any:
        raise SystemExit(3)

    assert (await Site(blocking).ask("GET", "/")).status == 500


# ---------------------------------------------------------------- conditions


@pytest.mark.parametrize(("amount", "status"), [(1, 422), (2000, 200)])
@pytest.mark.parametrize("kind", ["def", "async def"])
async def test_a_false_condition_is_a_422(amount: int, status: int, kind: str) -> None:
    async def later(request: Request[Any]) -> bool:
        return bool(request.body["amount"] > 1000)

    def now(request: Request[Any]) -> bool:
        return bool(request.body["amount"] > 1000)

    @step(http("POST", "/", condition=now if kind == "def" else later), name="Big")
    async def big(request: Request[Any]) -> Any:
        return {"status": 200}

    answer = await Site(big).ask("POST", "/", {"amount": amount})
    assert answer.status == status
    if status == 422:
        assert answer.json == {"error": "condition_not_met"}


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        (F.body.amount > 1000, 200),
        (F.body.amount > 3000, 422),
        (F.body.nothing == 1, 422),
        ((F.query_params.page == "2") & (F.query_params.tag == "a"), 422),  # of repeated ones there is a list
        (F.query_params.tag.contains("b"), 200),
        (F.path_params.id == "7", 200),
        (F.headers["x-key"] == "k", 200),
        (F.cookies.session.exists(), 200),
        ((F.method == "POST") & (F.path == "/orders/7"), 200),
    ],
)
async def test_an_f_looks_at_the_request_under_the_names_that_it_has(condition: Condition, status: int) -> None:
    @step(http("POST", "/orders/:id", condition=condition), name="Big")
    async def big(request: Request[Any]) -> Any:
        return {"status": 200}

    headers = {"X-Key": "k", "Cookie": "session=1"}
    answer = await Site(big).ask("POST", "/orders/7?page=2&tag=a&tag=b", {"amount": 2000}, headers)
    assert answer.status == status


async def test_a_condition_that_raises_is_a_500(caplog: pytest.LogCaptureFixture) -> None:
    def broken(request: Request[Any]) -> bool:
        raise ValueError("broken")

    answer = await Site(returning({"status": 200}, condition=broken)).ask("GET", "/")
    assert answer.status == 500
    assert "broken" in str(caplog.records[0].exc_info)


# ---------------------------------------------------------------- middleware


def marking(name: str, seen: list[str]) -> Any:
    async def middleware(request: Request[Any], ctx: Context, then: Any) -> Any:
        seen.append(f"{name} in")
        response = await then()
        seen.append(f"{name} out {response.status}")
        return response.with_headers({f"x-{name}": "1"})

    return middleware


async def test_middleware_goes_around_the_step_the_application_s_first_and_outermost() -> None:
    seen: list[str] = []

    @step(http("GET", "/", middleware=[marking("c", seen), marking("d", seen)]), name="Inner")
    async def inner(request: Request[Any]) -> Any:
        seen.append("handler")
        return {"status": 201}

    answer = await Site(inner, middleware=[marking("a", seen), marking("b", seen)]).ask("GET", "/")
    assert answer.status == 201
    assert [name for name in ("a", "b", "c", "d") if f"x-{name}" in answer.headers] == ["a", "b", "c", "d"]
    assert seen == ["a in", "b in", "c in", "d in", "handler", "d out 201", "c out 201", "b out 201", "a out 201"]


async def test_middleware_may_answer_itself() -> None:
    async def deny(request: Request[Any], ctx: Context, then: Any) -> Any:
        return {"status": 401, "body": {"error": "unauthorized"}}

    called: list[int] = []

    @step(http("GET", "/", middleware=[deny]), name="Inner")
    async def inner(request: Request[Any]) -> Any:
        called.append(1)

    assert (await Site(inner).ask("GET", "/")).status == 401
    assert called == []


async def test_middleware_sees_refusals_and_what_it_leaves_reaches_the_handler() -> None:
    seen: list[int] = []

    async def outer(request: Request[Any], ctx: Context, then: Any) -> Any:
        request.extra["user"] = "ann"
        assert current.get() is ctx
        response = await then()
        seen.append(response.status)
        return response

    @step(http("POST", "/", middleware=[outer], body_schema=int, condition=lambda r: r.model > 1), name="Inner")
    async def inner(request: Request[int]) -> Any:
        return Response(200, request.extra["user"])

    site = Site(inner)
    assert [(await site.ask("POST", "/", body)).status for body in (b'"x"', b"1", b"2")] == [400, 422, 200]
    assert seen == [400, 422, 200]


async def test_what_the_handler_raises_passes_through_middleware_which_may_catch_it() -> None:
    async def catch(request: Request[Any], ctx: Context, then: Any) -> Any:
        try:
            return await then()
        except ValueError as error:
            return {"status": 409, "body": str(error)}

    answer = await Site(raising(ValueError("taken"), middleware=[catch])).ask("GET", "/")
    assert (answer.status, answer.data) == (409, b"taken")


async def test_middleware_that_forgets_to_return_is_named_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async def forgetful(request: Request[Any], ctx: Context, then: Any) -> Any:
        await then()

    answer = await Site(returning({"status": 200}, middleware=[forgetful])).ask("GET", "/")
    assert answer.status == 500
    assert "forgetful" in caplog.records[0].getMessage()


# ---------------------------------------------------------------- contexts


async def test_each_request_has_a_context_of_its_own() -> None:
    @step(http("GET", "/:name"), name="Own")
    async def own(request: Request[Any], ctx: Context) -> Any:
        await asyncio.sleep(0)
        return {"status": 200, "body": current.get() is ctx}

    site = Site(own)
    answers = await asyncio.gather(*(site.ask("GET", f"/{number}") for number in range(20)))
    assert all(answer.json is True for answer in answers)
    assert current.get(None) is None
    assert len({id(ctx) for ctx in site.execution.opened}) == 20


async def test_the_validated_model_is_what_get_data_gives() -> None:
    @step(http("POST", "/", body_schema=int), name="Data")
    async def data(request: Request[int], ctx: Context) -> Any:
        return {"status": 200, "body": ctx.get_data()}

    assert (await Site(data).ask("POST", "/", b'"17"')).json == 17


def test_recursion_in_a_body_ends_in_a_500_and_not_in_the_server() -> None:
    deep: list[Any] = []
    for _ in range(sys.getrecursionlimit() * 2):
        deep = [deep]
    answer = asyncio.run(Site(returning({"status": 200, "body": deep})).ask("GET", "/"))
    assert answer.status == 500
