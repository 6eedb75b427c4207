"""The example on a manual clock: a month of it takes a second."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from motia_fast import App
from motia_fast.app import load_target
from motia_fast.app.banner import unconsumed
from motia_fast.testing import Harness
from tests.contract.engines import ENGINES

EXAMPLE = Path(__file__).parents[3] / "examples" / "orders"
ORDER = {"email": "ada@example.com", "quantity": 2, "petId": "pet-123"}
PENDING = {"message": "Order received and is being processed", "status": "pending"}


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> Iterator[App]:
    """The example's App, imported as `motia-fast run` does; its modules are forgotten afterwards."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield load_target(str(EXAMPLE / "app.py"))
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(EXAMPLE)):
            del sys.modules[name]
    sys.modules.pop("steps", None)


@pytest.fixture(params=ENGINES)
async def t(app: App, request: pytest.FixtureRequest) -> AsyncIterator[Harness]:
    async with Harness(app, engine=request.param, now=datetime(2026, 3, 1, 12, 1, tzinfo=UTC)) as harness:
        yield harness


async def placed(t: Harness, **order: Any) -> str:
    """Posts an order; returns its id."""
    answer = await t.post("/orders", json=ORDER | order)
    assert (answer.status, answer.json()) == (202, PENDING)
    return answer.headers["location"].removeprefix("/orders/")


def test_every_topic_that_a_step_enqueues_is_consumed(app: App) -> None:
    assert app.declaration_mistakes() == []
    assert len(app.steps) == 12
    assert unconsumed(app.steps) == {}


async def test_an_order_is_in_state_by_its_id_and_the_customer_is_told(t: Harness) -> None:
    order = await placed(t)
    await t.drain()
    kept = await t.state("orders", order)
    now = "2026-03-01T12:01:00+00:00"
    assert kept == {**ORDER, "id": order, "status": "placed", "createdAt": now, "shipDate": now}
    assert (await t.get(f"/orders/{order}")).json() == kept
    assert t.sent("notification") == [
        {"email": "ada@example.com", "templateId": "order-confirmation", "templateData": kept}
    ]
    assert list(await t.state("mails")) == [f"order-confirmation/{order}"]


async def test_an_order_that_nobody_made_is_not_found(t: Harness) -> None:
    answer = await t.get("/orders/order-1")
    assert (answer.status, answer.json()) == (404, {"error": "order_not_found"})


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"email": "ada"}, "email"),
        ({"quantity": 0}, "quantity"),
        ({"quantity": "two"}, "quantity"),
        ({"petId": 7}, "petId"),
    ],
)
async def test_a_wrong_order_names_the_field_and_changes_nothing(
    t: Harness, wrong: dict[str, object], field: str
) -> None:
    answer = await t.post("/orders", json=ORDER | wrong)
    assert answer.status == 400
    assert [detail["loc"] for detail in answer.json()["details"]] == [["body", field]]
    assert t.sent("process-food-order") == []


async def test_an_order_that_always_fails_is_retried_after_1_2_and_4_seconds_and_given_up(t: Harness) -> None:
    order = await placed(t, petId="always-fails")
    await t.drain()
    for retry, delay in enumerate([1, 2, 4], start=1):
        assert await t.state("retries", order) == retry
        assert len(t.sent("process-food-order")) == 1 + retry
        await t.advance(delay - 0.001)
        assert await t.state("retries", order) == retry
        await t.advance(0.001)
    assert len(t.sent("process-food-order")) == 4
    assert await t.state("retries") == {}
    assert await t.state("orders") == {}
    assert await t.state("failed-orders", order) == {
        **ORDER,
        "petId": "always-fails",
        "orderId": order,
        "error": "no supplier has food for pet always-fails",
        "failedAt": "2026-03-01T12:01:07Z",
        "needsManualReview": True,
    }
    assert list(await t.state("alerts")) == [order]
    assert await t.dead() == []


@pytest.mark.parametrize(("quantity", "service"), [(10, "standard"), (11, "express")])
async def test_an_order_is_shipped_once_and_by_express_above_1000(t: Harness, quantity: int, service: str) -> None:
    order = await placed(t, quantity=quantity)
    await t.drain()
    assert await t.state("shipments") == {order: {"service": service, "amount": quantity * 100.0}}


async def test_large_orders_go_ahead_of_ordinary_ones_that_came_before(app: App) -> None:
    async with Harness(app, concurrency=1) as t:
        for number, amount in enumerate([10, 20, 5000]):
            await t.enqueue("order.created", {"orderId": f"o-{number}", "amount": amount}, delay=1)
        await t.advance(seconds=1)  # all three are ready at the same moment
        assert list(await t.state("shipments")) == ["o-2", "o-0", "o-1"]


async def test_a_mail_is_a_dead_letter_while_the_mailer_is_down_and_is_sent_when_it_is_retried(t: Harness) -> None:
    await t.app.state.set("settings", "mailer", "down")
    order = await placed(t)
    await t.advance(hours=6)
    (letter,) = await t.dead("SendNotification")
    assert [attempt.error.message for attempt in letter.attempts] == ["the mailer is down"] * 3
    assert await t.state("mails") == {}

    await t.app.state.set("settings", "mailer", "up")
    await t.app.dead.retry(letter.id)
    await t.drain()
    assert list(await t.state("mails")) == [f"order-confirmation/{order}"]
    assert await t.dead() == []


async def test_pending_orders_are_processed_every_five_minutes(t: Harness) -> None:
    answer = await t.post("/pending-orders", json={"amount": 250})
    order = answer.json()["id"]
    assert (answer.status, answer.json()) == (201, {"id": order, "amount": 250.0, "status": "pending"})
    await t.advance(minutes=3, seconds=59)
    assert await t.state("pending-orders", order) is not None
    await t.advance(seconds=1)
    assert await t.state("pending-orders") == {}
    assert await t.state("processed-orders") == {order: {"orderId": order, "amount": 250.0, "source": "batch"}}


async def test_orders_are_forgotten_at_the_midnight_after_30_days(t: Harness) -> None:
    order = await placed(t)
    await t.drain()
    old = {"id": "order-old", "createdAt": "2026-01-30T00:00:00Z"}
    await t.app.state.set("orders", "order-old", old)
    await t.advance(hours=12)
    assert list(await t.state("orders")) == [order]
    await t.app.state.set("orders", order, await t.state("orders", order) | {"createdAt": "2026-01-31T00:00:01Z"})
    await t.advance(days=1)
    assert await t.state("orders") == {}
