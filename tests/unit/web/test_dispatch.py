"""From a request to its step, and what is answered without one."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel
from typing_extensions import override

from motia_fast.context import Context
from motia_fast.requests import Address, Request
from motia_fast.steps import step
from motia_fast.triggers import http
from motia_fast.web import RawRequest
from motia_fast.web.wire import BytesBody
from tests.unit.web.site import Site


class Order(BaseModel):
    pet_id: str
    quantity: int = 1


class Search(BaseModel):
    limit: int = 10
    tag: list[str] = []


@step(http("GET", "/orders/:id"), http("DELETE", "/orders/{id}"), name="Show")
async def show(request: Request[Any]) -> Any:
    return {"status": 200, "body": [request.method, request.path, request.path_params, request.query_params]}


@step(http("POST", "/orders", body_schema=Order), name="Create")
async def create(request: Request[Order]) -> Any:
    return {"status": 201, "body": [request.body, request.model.quantity, len(request.raw)]}


@step(http("POST", "/anything", max_body=10), name="Anything")
async def anything(request: Request[Any]) -> Any:
    return {"status": 200, "body": [request.body, request.model, request.raw.decode()]}


@step(http("GET", "/search", query_params=Search), name="Search")
async def search(request: Request[Any]) -> Any:
    return request.query


@step(http("POST", "/both", query_params=Search, body_schema=Order), name="Both")
async def both(request: Request[Any]) -> Any:
    return {"status": 200}


@pytest.fixture
def site() -> Site:
    return Site(show, create, anything, search, both)


# ---------------------------------------------------------------- what reaches a step


async def test_a_request_reaches_its_step_percent_decoded(site: Site) -> None:
    answer = await site.ask("GET", "/orders/a%20b%C3%A9?x=1&x=%2F&y=")
    assert answer.status == 200
    assert answer.json == ["GET", "/orders/a bé", {"id": "a bé"}, {"x": ["1", "/"], "y": ""}]
    assert answer.headers["content-type"] == "application/json"


async def test_what_was_decoded_once_is_not_decoded_twice(site: Site) -> None:
    assert (await site.ask("GET", "/orders/a%2520b")).json[2] == {"id": "a%20b"}


async def test_a_step_may_have_several_routes(site: Site) -> None:
    assert (await site.ask("DELETE", "/orders/7")).json[0] == "DELETE"


async def test_the_body_is_there_decoded_validated_and_raw(site: Site) -> None:
    assert (await site.ask("POST", "/orders", {"pet_id": "p"})).json == [{"pet_id": "p"}, 1, 15]


async def test_a_body_of_another_type_is_there_raw(site: Site) -> None:
    answer = await site.ask("POST", "/anything", b"\x00text", {"content-type": "text/plain"})
    assert answer.json == [None, None, "\x00text"]


async def test_the_query_is_there_validated(site: Site) -> None:
    assert (await site.ask("GET", "/search?limit=3&tag=a")).json == {"limit": 3, "tag": ["a"]}
    assert (await site.ask("GET", "/search?tag=a&tag=b")).json == {"limit": 10, "tag": ["a", "b"]}


async def test_the_handler_sees_headers_cookies_and_the_client() -> None:
    seen: list[Request[Any]] = []

    @step(http("GET", "/"), name="See")
    async def see(request: Request[Any], ctx: Context) -> None:
        seen.append(request)
        assert ctx.trigger.path == "/"

    headers = {"X-A": "1", "Cookie": "a=b"}
    raw = RawRequest.of("GET", "/", headers)
    with_client = RawRequest(raw.method, raw.path, "", raw.headers, BytesBody(), "[::1]:7")
    assert (await Site(see).application.handle(with_client)).status == 204
    assert seen[0].headers["x-a"] == "1"
    assert seen[0].cookies == {"a": "b"}
    assert seen[0].client == Address("::1", 7)


# ---------------------------------------------------------------- what does not


@pytest.mark.parametrize(
    ("method", "target", "body", "status", "error"),
    [
        ("GET", "/nothing", b"", 404, "not_found"),
        ("GET", "/orders", b"", 405, "method_not_allowed"),
        ("POST", "/orders", b"{", 400, "invalid_json"),
        ("POST", "/orders", b'{"pet_id": NaN}', 400, "invalid_json"),
        ("POST", "/orders", b"\xff", 400, "invalid_encoding"),
        ("POST", "/orders", b"{}", 400, "validation_failed"),
        ("POST", "/orders", b"", 400, "validation_failed"),
        ("POST", "/orders", b"null", 400, "validation_failed"),
        ("POST", "/anything", b"12345678901", 413, "payload_too_large"),
        ("GET", "/search?limit=x", b"", 400, "validation_failed"),
    ],
)
async def test_what_is_wrong_is_refused_before_any_step(
    site: Site, method: str, target: str, body: bytes, status: int, error: str
) -> None:
    answer = await site.ask(method, target, body)
    assert (answer.status, answer.json["error"]) == (status, error)


async def test_a_media_type_that_is_not_json_is_refused_where_a_schema_wants_json(site: Site) -> None:
    answer = await site.ask("POST", "/orders", b"a", {"content-type": "text/plain"})
    assert (answer.status, answer.json["error"]) == (415, "unsupported_media_type")
    assert "application/json" in answer.json["message"]


async def test_every_mistake_of_body_and_query_is_told_with_its_place(site: Site) -> None:
    answer = await site.ask("POST", "/both?limit=x", {"quantity": "many"})
    assert answer.status == 400
    assert set(answer.json) == {"error", "details"}
    places = [(detail["loc"], detail["type"]) for detail in answer.json["details"]]
    assert places == [
        (["body", "pet_id"], "missing"),
        (["body", "quantity"], "int_parsing"),
        (["query", "limit"], "int_parsing"),
    ]
    assert all(isinstance(detail["msg"], str) for detail in answer.json["details"])


async def test_another_method_is_told_which_are_allowed(site: Site) -> None:
    answer = await site.ask("PUT", "/orders/7")
    assert answer.status == 405
    assert answer.headers["allow"] == "DELETE, GET, HEAD, OPTIONS"
    assert "PUT" in answer.json["message"]


async def test_options_are_told_without_a_step(site: Site) -> None:
    answer = await site.ask("OPTIONS", "/orders/7")
    assert (answer.status, answer.data) == (204, b"")
    assert answer.headers["allow"] == "DELETE, GET, HEAD, OPTIONS"
    assert (await site.ask("OPTIONS", "/nothing")).status == 404


async def test_head_is_get_without_the_body(site: Site) -> None:
    got, head = await site.ask("GET", "/search"), await site.ask("HEAD", "/search")
    assert (head.status, head.data) == (200, b"")
    assert head.headers == {**got.headers, "content-length": str(len(got.data))}


async def test_the_limit_of_a_body_is_the_trigger_s_or_the_setting_s() -> None:
    small = Site(create, anything, settings={"max_body": 5})
    assert (await small.ask("POST", "/orders", {"pet_id": "p"})).status == 413
    assert (await small.ask("POST", "/anything", b"[1, 2, 3]")).status == 200
    assert small.execution.opened[0].run.step == "Anything"


# ---------------------------------------------------------------- built-in routes, and stopping


async def test_the_process_is_alive_whatever_else_is_wrong(site: Site) -> None:
    site.unready = "the engine stopped: /data/engine.db"
    site.application.refuse()
    answer = await site.ask("GET", "/healthz")
    assert (answer.status, answer.json) == (200, {"status": "ok"})


async def test_the_application_is_ready_until_something_says_why_not(site: Site) -> None:
    assert (await site.ask("GET", "/readyz")).json == {"status": "ready"}
    site.unready = "the engine stopped: /data/engine.db"
    answer = await site.ask("GET", "/readyz")
    assert (answer.status, answer.json["message"]) == (503, "the engine stopped: /data/engine.db")


async def test_metrics_are_text(site: Site) -> None:
    answer = await site.ask("GET", "/metrics")
    assert (answer.status, answer.data) == (200, b"jobs 1\n")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")


async def test_built_in_routes_are_only_read(site: Site) -> None:
    assert (await site.ask("POST", "/healthz")).status == 405
    assert (await site.ask("OPTIONS", "/readyz")).status == 204
    head = await site.ask("HEAD", "/healthz")
    assert (head.status, head.data, head.headers["content-length"]) == (200, b"", "15")


async def test_no_step_runs_while_the_application_is_not_ready(site: Site) -> None:
    site.unready = "the engine stopped: /data/engine.db"
    answer = await site.ask("GET", "/orders/7")
    assert (answer.status, answer.json["error"]) == (503, "unavailable")
    assert "/data" not in answer.json["message"]  # paths of the machine are for operators
    assert site.execution.opened == []


async def test_no_step_is_started_while_the_server_stops(site: Site) -> None:
    site.application.refuse("the server is stopping")
    answer = await site.ask("GET", "/orders/7")
    assert (answer.status, answer.json["message"]) == (503, "the server is stopping")
    assert answer.headers["retry-after"] == "1"
    assert site.execution.opened == []


async def test_a_body_that_arrives_when_the_server_stops_starts_no_step(site: Site) -> None:
    class Late(BytesBody):
        @override
        async def whole(self) -> bytes:
            site.application.refuse()
            return self.data

    raw = RawRequest.of("POST", "/anything", body=b"1")
    late = RawRequest(raw.method, raw.path, "", raw.headers, Late(b"1"))
    assert (await site.application.handle(late)).status == 503
    assert site.execution.opened == []
