"""Steps: their forms, their names, their subscriptions and their mistakes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import BaseModel
from typing_extensions import TypedDict

from motia_fast import App as Application
from motia_fast import Request
from motia_fast.conditions import F
from motia_fast.contract import Receipt, RetryPolicy, Subscription
from motia_fast.errors import Mistake, MotiaError, NoRunningStep, ValidationFailed
from motia_fast.schemas import Schema
from motia_fast.steps import Step, StepConfig, make_step, of_config, shown, step
from motia_fast.triggers import HttpTrigger, QueueTrigger, cron, http, noop, queue


class Order(BaseModel):
    id: str
    quantity: int = 1


@dataclass
class Point:
    x: int


class Named(TypedDict):
    name: str


async def handler(order: Any, ctx: Any) -> Any:
    return (order, ctx)


async def place_order(order: Any, ctx: Any) -> Any:
    return (order, ctx)


def what(made: Step[..., Any]) -> list[str]:
    return [mistake.what for mistake in made.mistakes()]


# ---------------------------------------------------------------- forms


async def test_a_step_calls_through_to_its_function() -> None:
    @step(queue("orders"))
    async def double(amount: int) -> int:
        return amount * 2

    assert await double(4) == 8
    assert isinstance(double, Step)


def test_a_step_is_named_for_its_function_and_its_queue_for_the_step() -> None:
    made = step(queue(), queue("orders"))(place_order)
    assert made.name == "place_order"
    assert [subscription.topic for subscription in made.subscriptions()] == ["place_order", "orders"]


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("steps/mail_step.py", "mail"),
        ("steps/mail.step.py", "mail"),
        ("jobs/mail.py", "mail"),
    ],
)
def test_a_function_called_handler_is_named_for_its_file(file: str, name: str) -> None:
    assert make_step(handler, [noop()], {}, file).name == name


def test_the_decorator_keeps_what_it_is_told() -> None:
    made = step(
        queue("orders"),
        name="PlaceOrder",
        description="Places orders",
        enqueues=["notification", {"topic": "audit", "label": "Audit"}],
        virtual_enqueues=["mail"],
        flows=["orders"],
        was="CreateOrder",
    )(place_order)
    assert made.mistakes() == []
    assert (made.name, made.description, made.flows) == ("PlaceOrder", "Places orders", ("orders",))
    assert (made.enqueues, made.virtual_enqueues, made.was) == (("notification", "audit"), ("mail",), ("CreateOrder",))
    assert made.file == __file__
    assert made.line == place_order.__code__.co_firstlineno


def test_motia_s_form_returns_the_config_and_the_step() -> None:
    config: StepConfig = {"name": "PlaceOrder", "triggers": [queue("orders")], "enqueues": ["notification"]}
    same, made = step(config, handler)
    assert same is config
    assert (made.name, made.enqueues, made.mistakes()) == ("PlaceOrder", ("notification",), [])


def test_a_config_decorates_too() -> None:
    made = step({"name": "PlaceOrder", "triggers": [{"type": "queue", "topic": "orders"}]})(handler)
    assert (made.name, made.mistakes()) == ("PlaceOrder", [])
    assert made.subscriptions()[0].topic == "orders"


def test_a_dict_that_is_a_trigger_is_one() -> None:
    made = step({"type": "queue", "topic": "orders"}, name="a")(handler)
    assert made.subscriptions()[0].id == "a/orders"


@pytest.mark.parametrize(
    "config",
    [
        {
            "name": "a",
            "triggers": [{"type": "queue", "topic": "x", "config": {"maxRetries": 1}}],
            "virtualEnqueues": ["y"],
        },
        {"name": "a", "triggers": (queue("x", max_retries=1),), "virtual_enqueues": ["y"]},
        {"name": "a", "type": "event", "subscribes": ["x"], "config": {"maxRetries": 1}, "virtualEmits": ["y"]},
        {"name": "a", "type": "event", "subscribes": "x", "maxRetries": 1, "virtual_emits": ["y"], "includeFiles": []},
    ],
)
def test_every_spelling_of_a_config_makes_the_same_step(config: dict[str, Any]) -> None:
    made = of_config(config, handler)
    assert made.mistakes() == []
    assert made.triggers == (queue("x", max_retries=1),)
    assert (made.name, made.virtual_enqueues) == ("a", ("y",))


def test_a_step_that_is_only_drawn_needs_no_handler() -> None:
    assert of_config({"name": "human", "triggers": [noop()]}, None).mistakes() == []
    assert of_config({"name": "human", "type": "noop"}, None).mistakes() == []


# ---------------------------------------------------------------- subscriptions


def test_a_queue_trigger_becomes_a_subscription_with_its_options() -> None:
    made = step(
        queue(
            "orders",
            condition=F.amount > 1000,
            priority=9,
            concurrency=2,
            max_retries=1,
            delay=3,
            timeout=None,
            dead_letter_topic="failed",
        ),
        name="a",
    )(lambda order: order)
    assert made.subscriptions() == (
        Subscription(
            "a/orders",
            "a",
            "orders",
            kind="thread",
            priority=9,
            concurrency=2,
            retry=RetryPolicy(max_retries=1),
            delay=3.0,
            timeout=None,
            dead_letter_topic="failed",
            condition=(F.amount > 1000).to_json(),
        ),
    )


def test_a_function_as_condition_is_not_the_engine_s() -> None:
    made = step(queue("orders", condition=lambda order: order["amount"] > 1000), name="a")(handler)
    assert made.subscriptions()[0].condition is None


@pytest.mark.parametrize(
    ("triggers", "ids"),
    [
        ([queue("x")], ["a/x"]),
        ([queue("x"), queue("y"), queue("x"), queue("x")], ["a/x", "a/y", "a/x#2", "a/x#3"]),
        ([cron("@daily"), cron("@hourly")], ["a/cron", "a/cron#2"]),
        ([queue("cron"), cron("@daily")], ["a/cron", "a/cron#2"]),
        ([queue("x#2"), queue("x"), queue("x")], ["a/x#2", "a/x", "a/x#3"]),
        ([http("GET", "/"), noop()], []),
    ],
)
def test_every_subscription_has_an_id_of_its_own(triggers: list[Any], ids: list[str]) -> None:
    made = step(*triggers, name="a")(handler)
    assert [subscription.id for subscription in made.subscriptions()] == ids
    found = [made.trigger_of(identity) for identity in ids]
    assert [made.index_of(trigger) for trigger in found] == [
        index for index, trigger in enumerate(made.triggers) if trigger.type in {"queue", "cron"}
    ]


def test_one_trigger_that_is_given_twice_is_two() -> None:
    trigger = queue("x")
    made = step(trigger, trigger, name="a")(handler)
    assert [made.index_of(each) for each in made.triggers] == [0, 1]


@pytest.mark.parametrize(
    ("trigger", "was"),
    [
        (queue("orders"), ("Old/orders", "Older/orders")),
        (queue(), ("Old/New", "Older/New", "Old/Old", "Older/Older")),  # its topic was the old name
        (cron("@daily"), ("Old/cron", "Older/cron")),
    ],
)
def test_a_renamed_step_adopts_the_jobs_of_its_former_names(trigger: Any, was: tuple[str, ...]) -> None:
    made = step(trigger, name="New", was=["Old", "Older"])(handler)
    assert made.subscriptions()[0].was == was


# ---------------------------------------------------------------- inputs


async def with_model(order: Order) -> None:
    _ = order


async def with_dataclass(point: Point, ctx: Any) -> None:
    _ = (point, ctx)


async def with_dict(named: Named) -> None:
    _ = named


async def with_builtin(order: dict[str, Any]) -> None:
    _ = order


async def with_request(request: Request[Order]) -> None:
    _ = request


@dataclass
class Unsendable:
    error: Exception


async def with_unsendable(it: Unsendable) -> None:
    _ = it


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (with_model, Order),
        (with_dataclass, Point),
        (with_dict, Named),
        (with_builtin, None),
        (handler, None),
        (with_unsendable, None),
    ],
)
def test_an_annotated_input_is_a_schema_for_a_queue(function: Any, expected: Any) -> None:
    trigger = step(queue("x"))(function).triggers[0]
    assert isinstance(trigger, QueueTrigger)
    assert trigger.input == (None if expected is None else Schema.of(expected))


def test_an_input_that_is_given_comes_before_the_annotation() -> None:
    trigger = step(queue("x", input={"type": "object"}))(with_model).triggers[0]
    assert isinstance(trigger, QueueTrigger)
    assert trigger.input == Schema.of({"type": "object"})


@pytest.mark.parametrize(("function", "expected"), [(with_request, Order), (with_model, None), (handler, None)])
def test_an_annotated_request_is_a_schema_for_its_body(function: Any, expected: Any) -> None:
    trigger = step(http("POST", "/"))(function).triggers[0]
    assert isinstance(trigger, HttpTrigger)
    assert trigger.body_schema == (None if expected is None else Schema.of(expected))


@pytest.mark.parametrize(
    ("trigger", "expected"),
    [
        (queue("x", input=Order), Order(id="1", quantity=1)),
        (queue("x", input={"type": "object"}), {"id": "1"}),
        (queue("x"), {"id": "1"}),
        (cron("@daily"), {"id": "1"}),
    ],
)
def test_a_payload_becomes_the_model_or_the_decoded_json(trigger: Any, expected: object) -> None:
    made = step(trigger, name="a")(handler)
    assert made.decoder(made.triggers[0])(b'{"id": "1"}') == expected


def test_a_payload_that_does_not_fit_names_the_step() -> None:
    made = step(queue("x", input=Order), name="a")(handler)
    with pytest.raises(ValidationFailed, match='payload for step "a" is not valid: id: Field required'):
        made.decoder(made.triggers[0])(b"{}")


# ---------------------------------------------------------------- conditions


async def later(order: Any) -> bool:
    return bool(order)


@pytest.mark.parametrize(
    ("trigger", "data", "expected"),
    [
        (queue("x"), 0, True),
        (queue("x", condition=F.amount > 1), 0, True),  # the engine has asked it
        (queue("x", condition=lambda order: order > 1), 1, False),
        (queue("x", condition=lambda order: order > 1), 2, True),
        (queue("x", condition=lambda order, ctx: order > ctx), 2, False),
        (queue("x", condition=later), 0, False),
        (queue("x", condition=later), 1, True),
        (http("GET", "/", condition=lambda request: request == 1), 1, True),
        (cron("@daily", condition=lambda tick: tick is not None), None, False),
        (noop(), 0, True),
    ],
)
async def test_a_condition_is_asked(trigger: Any, data: Any, expected: bool) -> None:
    made = step(trigger, name="a")(handler)
    assert await made.wants(made.triggers[0], data, 3) is expected


# ---------------------------------------------------------------- enqueue


@dataclass
class App:
    enqueued: list[tuple[str, object, object, object, object]] = field(default_factory=list[Any])

    async def enqueue_to(
        self,
        subscription: Subscription,
        data: object,
        *,
        delay: Any = None,
        run_at: datetime | None = None,
        priority: int | None = None,
    ) -> Receipt:
        self.enqueued.append((subscription.id, data, delay, run_at, priority))
        return Receipt(1, (2,))


async def test_a_step_is_enqueued_to_alone() -> None:
    made = step(cron("@daily"), queue("x"), queue("y"), name="a")(handler)
    made.app = app = App()
    now = datetime.now(UTC)
    assert await made.enqueue({"id": 1}) == Receipt(1, (2,))
    await made.enqueue(2, topic="y", delay=3, priority=9)
    await made.enqueue(3, run_at=now)
    assert app.enqueued == [
        ("a/x", {"id": 1}, None, None, None),
        ("a/y", 2, 3, None, 9),
        ("a/x", 3, None, now, None),
    ]


async def test_a_step_without_an_application_cannot_be_enqueued_to() -> None:
    with pytest.raises(NoRunningStep, match=r"app\.add"):
        await step(queue("x"), name="a")(handler).enqueue(1)


@pytest.mark.parametrize(
    ("triggers", "topic", "message"),
    [
        ([cron("@daily")], None, 'step "a" has no queue trigger, so nothing can be enqueued to it'),
        ([queue("x"), queue("y")], "z", 'step "a" has no queue trigger on topic "z", .*; its topics: x, y'),
    ],
)
async def test_a_step_without_that_queue_cannot_be_enqueued_to(triggers: Any, topic: Any, message: str) -> None:
    made = step(*triggers, name="a")(handler)
    made.app = App()
    with pytest.raises(MotiaError, match=message):
        await made.enqueue(1, topic=topic)


# ---------------------------------------------------------------- mistakes


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"flow": ["a"]}, 'unknown option "flow"; did you mean "flows"?'),
        ({"transactional": True}, 'option "transactional" is not available yet'),
        ({"keepResult": 60}, 'option "keep_result" is not available yet'),
        ({"flows": "orders"}, "\"flows\" must be a list, not 'orders'; write ['orders']"),
        ({"enqueues": [3]}, '"enqueues" must be a string with something in it, and no control characters, not 3'),
        ({"name": ""}, "\"name\" must be a string with something in it, and no control characters, not ''"),
        ({"name": "a/b"}, '"name" must be without "/", which parts a step from its topic, not \'a/b\''),
        ({"description": 3}, '"description" must be a string, not 3'),
        ({"was": 3}, '"was" must be a string with something in it, and no control characters, not 3'),
    ],
)
def test_a_wrong_option_is_a_mistake_that_names_it(options: dict[str, Any], expected: str) -> None:
    made = step(queue("x"), **options)(place_order)
    assert what(made) == [expected]
    assert made.name == "place_order"


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (step()(place_order), "nothing starts it; give it http(..), queue(..) or cron(..), or noop() to draw it"),
        (step(http("GET", "/"))(step(queue())(place_order)), "is declared twice; give it all its triggers at once"),
        (of_config({"name": "a", "triggers": [queue("x")]}, None), 'there is a "config" but no "handler"'),
        (of_config([queue("x")], handler), '"config" must be a dict, not ['),
        (of_config({"name": "a", "triggers": queue("x")}, handler), '"triggers" must be a list, not QueueTrigger'),
        (of_config({"name": "a", "triggers": [queue("x")], "handler": 1}, handler), 'unknown option "handler"'),
        (make_step(3, [queue("x")], {}), "the handler is 3, which cannot be called"),
    ],
)
def test_a_step_that_cannot_run_says_what_it_lacks(made: Step[..., Any], expected: str) -> None:
    assert what(made)[0].startswith(expected)


def test_a_decorator_without_parentheses_is_told() -> None:
    made: Any = step(place_order)  # type: ignore[call-overload] # pyright: ignore[reportArgumentType, reportCallIssue]
    assert what(made) == ["needs parentheses: @step(queue()), and not @step"]


def test_an_application_s_decorator_without_parentheses_is_told_when_it_starts() -> None:
    app: Any = Application("orders")
    app.step(place_order)
    [mistake] = app.declaration_mistakes()
    assert mistake.what == "needs parentheses: @step(queue()), and not @step"


def test_an_option_beside_a_config_is_told() -> None:
    config = {"name": "a", "triggers": [queue("x")]}
    made = step(config, name="b", flows=["c"])(handler)
    assert made.name == "a"
    assert what(made) == [
        'option "name" stands beside a config; put it into the config',
        'option "flows" stands beside a config; put it into the config',
    ]
    assert what(Application("orders").step(config)(handler)) == []


def test_all_mistakes_of_a_step_are_told_with_their_places() -> None:
    config = {"name": "ProcessFoodOrder", "flow": [], "triggers": [queue("x"), {"type": "queue", "max_retry": 3}, 7]}
    made = of_config(config, handler, "/somewhere/steps/process_order_step.py")
    where = '/somewhere/steps/process_order_step.py, step "ProcessFoodOrder"'
    assert made.mistakes() == [
        Mistake(where, 'unknown option "flow"; did you mean "flows"?'),
        Mistake(f"{where}, trigger 2 (queue)", 'unknown option "max_retry"; did you mean "max_retries"?'),
        Mistake(
            f"{where}, trigger 3 (int)",
            "7 is no trigger; write http(..), queue(..), cron(..), noop(), or a dict with a type",
        ),
    ]


def test_a_file_is_shown_from_the_innermost_folder_on_the_import_path(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = str(tmp_path / "shop" / "steps" / "mail_step.py")
    assert shown(file) == file
    monkeypatch.syspath_prepend(str(tmp_path))
    assert shown(file) == "shop/steps/mail_step.py"
    monkeypatch.syspath_prepend(str(tmp_path / "shop"))
    assert shown(file) == "steps/mail_step.py"
