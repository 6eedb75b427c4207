"""A step: a handler, why it runs, and what people are told about it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, Protocol, TypedDict, TypeVar, Unpack, cast, overload

from typing_extensions import override

from motia_fast import motia_names
from motia_fast import options as check
from motia_fast.arguments import Plan, Predicate, code_of, name_of, plan
from motia_fast.encoding import decode
from motia_fast.errors import Mistake, MotiaError, NoRunningStep
from motia_fast.options import UNBUILT, Options, Wrong
from motia_fast.subscriptions import Named, completed, subscribed
from motia_fast.triggers import NoopTrigger, NoOther, QueueTrigger, Trigger, trigger_of

if TYPE_CHECKING:
    from datetime import datetime

    from motia_fast.contract import Kind, Receipt, Subscription
    from motia_fast.triggers import Seconds

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

#: What a step takes as a trigger: one made by `http`, `queue`, `cron` or `noop`, or a dict with a type.
TriggerLike = Trigger | Mapping[str, Any]
#: A topic, or Motia's dict around one: ``{"topic": .., "label": .., "conditional": ..}``.
TopicLike = str | Mapping[str, Any]


class StepConfig(TypedDict, total=False):
    """The `config` of a step file, or the first argument of ``step(config, handler)``."""

    name: str
    description: str
    triggers: Sequence[TriggerLike]
    enqueues: Sequence[TopicLike]
    virtual_enqueues: Sequence[TopicLike]
    flows: Sequence[str]
    was: str | Sequence[str] | None


class Owner(Protocol):
    """The application that a step belongs to."""

    async def enqueue_to(
        self,
        subscription: Subscription,
        data: object,
        *,
        delay: Seconds | None = None,
        run_at: datetime | None = None,
        priority: int | None = None,
    ) -> Receipt:
        """Enqueues one message for that subscription alone."""
        ...


@dataclass(slots=True, eq=False, repr=False)
class Step(Generic[P, R_co]):
    """What a user declares. Calling it calls its function, as if it were not declared."""

    name: str
    handler: Callable[P, R_co]
    #: Complete: with topics and schemas filled in.
    triggers: tuple[Trigger, ...]
    #: How the handler is called.
    plan: Plan
    description: str = ""
    enqueues: tuple[str, ...] = ()
    virtual_enqueues: tuple[str, ...] = ()
    flows: tuple[str, ...] = ()
    #: Former names, whose jobs and schedules this step adopts.
    was: tuple[str, ...] = ()
    #: Where it is declared; "" and 0 where that is unknown.
    file: str = ""
    line: int = 0
    #: What is wrong with the step itself, its triggers aside.
    wrong: tuple[str, ...] = ()
    #: The application that it was added to.
    app: Owner | None = None
    _routes: dict[str, tuple[Subscription, Trigger]] = field(init=False)

    def __post_init__(self) -> None:
        """Works out the subscriptions."""
        self._routes = subscribed(Named(self.name, self.was, self.plan.kind), self.triggers)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Calls the function."""
        return self.handler(*args, **kwargs)

    @override
    def __repr__(self) -> str:
        return f'<Step "{self.name}">'

    @property
    def kind(self) -> Kind:
        """With "async", `call` returns an awaitable; with "thread" it blocks, and belongs in a thread."""
        return self.plan.kind

    def call(self, data: object, ctx: object) -> Any:
        """Calls the handler with what it takes; for an "async" step, await what is returned."""
        return self.plan.call(data, ctx)

    def subscriptions(self) -> tuple[Subscription, ...]:
        """One for each queue and cron trigger, in their order."""
        return tuple(subscription for subscription, _ in self._routes.values())

    def trigger_of(self, subscription: str) -> Trigger:
        """The trigger behind a subscription's id. Raises `KeyError`."""
        return self._routes[subscription][1]

    def index_of(self, trigger: Trigger) -> int:
        """The place of a trigger in `triggers`, from 0."""
        return next(index for index, each in enumerate(self.triggers) if each is trigger)

    def decoder(self, trigger: Trigger) -> Callable[[bytes], Any]:
        """Makes the handler's input of a payload: what the trigger's schema makes of it, or the decoded JSON.

        The function raises `ValidationFailed`.
        """
        if isinstance(trigger, QueueTrigger) and trigger.input is not None:
            return partial(trigger.input.validate_json, what=f'payload for step "{self.name}"')
        return decode

    def predicate_of(self, trigger: Trigger) -> Predicate | None:
        """The trigger's condition, where it is a function of the user's."""
        condition = None if isinstance(trigger, NoopTrigger) else trigger.condition
        return condition if isinstance(condition, Predicate) else None

    async def wants(self, trigger: Trigger, data: object, ctx: object) -> bool:
        """Whether the trigger's condition holds. An `F` of a queue trigger does: the engine has asked it before."""
        predicate = self.predicate_of(trigger)
        if predicate is None:
            return True
        answer = predicate(data, ctx)
        return bool(await answer if predicate.is_async else answer)

    async def enqueue(
        self,
        data: object,
        *,
        delay: Seconds | None = None,
        run_at: datetime | None = None,
        priority: int | None = None,
        topic: str | None = None,
    ) -> Receipt:
        """Enqueues `data` for this step alone, whoever else has its topic; an `F` condition is not asked.

        Where the step has several queue triggers the message is for the first of them, or that of `topic`. Raises
        `MotiaError` where it has none, and what the application's `enqueue` raises.
        """
        subscription = self._queue(topic)
        if self.app is None:
            raise NoRunningStep(f'step "{self.name}" belongs to no application; give it to one: app.add(..)')
        return await self.app.enqueue_to(subscription, data, delay=delay, run_at=run_at, priority=priority)

    def _queue(self, topic: str | None) -> Subscription:
        queues = [subscription for subscription in self.subscriptions() if subscription.source == "queue"]
        for subscription in queues:
            if topic in {None, subscription.topic}:
                return subscription
        having = f"; its topics: {', '.join(subscription.topic for subscription in queues)}" if queues else ""
        what = "queue trigger" if topic is None else f'queue trigger on topic "{topic}"'
        raise MotiaError(f'step "{self.name}" has no {what}, so nothing can be enqueued to it{having}')

    def where(self, trigger: int | None = None) -> str:
        """Where the step, or its trigger at that place, is declared, as mistakes name it."""
        place = f'{shown(self.file)}, step "{self.name}"' if self.file else f'step "{self.name}"'
        return place if trigger is None else f"{place}, trigger {trigger + 1} ({self.triggers[trigger].type})"

    def mistakes(self) -> list[Mistake]:
        """All that is wrong with this declaration by itself."""
        own = [Mistake(self.where(), what) for what in self.wrong]
        return own + [Mistake(self.where(i), what) for i, t in enumerate(self.triggers) for what in t.mistakes]


def shown(file: str) -> str:
    """A file as people are shown it: from the innermost folder of the import path that it is in, or whole."""
    path = os.path.realpath(file)
    roots = {os.path.realpath(root or Path.cwd()) for root in [*sys.path, ""]} - {os.sep}
    inside = [root for root in roots if path.startswith(root + os.sep)]
    return os.path.relpath(path, max(inside, key=len)) if inside else path


# ---------------------------------------------------------------- what users call


@overload
def step(config: Mapping[str, Any], handler: Callable[P, R], /) -> tuple[Mapping[str, Any], Step[P, R]]: ...
@overload
def step(
    *triggers: TriggerLike,
    name: str | None = None,
    description: str = "",
    enqueues: Sequence[TopicLike] = (),
    virtual_enqueues: Sequence[TopicLike] = (),
    flows: Sequence[str] = (),
    was: str | Sequence[str] | None = None,
    **unknown: Unpack[NoOther],
) -> Callable[[Callable[P, R]], Step[P, R]]: ...
def step(*args: Any, **options: Any) -> Any:
    """Declares a step, without an application: ``@step(queue("orders"))``, for one file per step.

    `name` is the function's by default. `enqueues` names the topics that it enqueues to, `virtual_enqueues` those that
    are only drawn, `flows` the flows that it is drawn in. `was` gives its former names, whose jobs it adopts.

    Motia's form ``config, handler = step(config, function)`` takes the same from a dict, triggers included. Nothing is
    raised for a wrong option: all mistakes are told when the application starts.
    """
    match args:
        case (Mapping() as config, handler) if callable(handler):
            return config, _of_config_alone(config, handler, options)
        case (Mapping() as config,) if "triggers" in config or "type" not in config:
            return lambda handler: _of_config_alone(config, handler, options)
        case (handler,) if callable(handler):
            made = make_step(handler, (), options)
            made.wrong = ("needs parentheses: @step(queue()), and not @step",)
            return made
        case _:
            return lambda handler: make_step(handler, args, options)


def _of_config_alone(config: Mapping[str, Any], handler: Any, options: Mapping[str, Any]) -> Step[..., Any]:
    made = of_config(config, handler)
    given = [name for name, value in options.items() if value not in (None, "", (), [])]  # `App.step` gives all of them
    made.wrong += tuple(f'option "{name}" stands beside a config; put it into the config' for name in given)
    return made


def of_config(config: object, handler: Any, file: str = "") -> Step[..., Any]:
    """The step of Motia's file form: its `config`, and its `handler`, None where that is missing.

    Never raises: what is wrong is told by its `mistakes`.
    """
    if not isinstance(config, Mapping):
        made = make_step(_nothing if handler is None else handler, (), {}, file)
        made.wrong = (f'"config" must be a dict, not {config!r}',)
        return made
    given, wrong = motia_names.renamed("step", motia_names.modern(config, _KNOWN), _KNOWN)
    triggers = given.pop("triggers", ())
    if isinstance(triggers, str | bytes | Mapping) or not isinstance(triggers, Sequence):
        wrong.append(f'"triggers" must be a list, not {triggers!r}')
        triggers = ()
    made = make_step(_nothing if handler is None else handler, triggers, given, file)
    made.wrong = (*wrong, *made.wrong)
    if handler is None and not all(isinstance(trigger, NoopTrigger) for trigger in made.triggers):
        made.wrong += ('there is a "config" but no "handler"; write `async def handler(input, ctx): ..`',)
    return made


def make_step(handler: Any, triggers: Sequence[Any], options: Mapping[str, Any], file: str = "") -> Step[..., Any]:
    """Makes a step of a handler, its triggers and the options of `step`.

    `file` is where it is declared, if that is not where its handler is. Never raises: what is wrong is told by its
    `mistakes`.
    """
    given, planned = _options(**options), plan(handler)
    code_file, line = code_of(handler)
    name = given.read("name", _name, None) or _default_name(handler, file or code_file)
    made: Step[..., Any] = Step(
        name=name,
        handler=handler,
        triggers=tuple(completed(trigger_of(trigger), name, planned.annotation) for trigger in triggers),
        plan=planned,
        description=given.read("description", check.text, ""),
        enqueues=given.read("enqueues", check.several(check.topic), ()),
        virtual_enqueues=given.read("virtual_enqueues", check.several(check.topic), ()),
        flows=given.read("flows", check.several(check.word), ()),
        was=given.read("was", check.one_or_several(check.word), ()),
        file=file or code_file,
        line=line,
    )
    made.wrong = (*given.mistakes, *_unfit(made))
    return made


def _options(
    *,
    name: Any = None,
    description: Any = "",
    enqueues: Any = (),
    virtual_enqueues: Any = (),
    flows: Any = (),
    was: Any = None,
    **unknown: Any,
) -> Options:
    return Options("step", locals())


_KNOWN = StepConfig.__annotations__.keys() | UNBUILT["step"]


def _unfit(made: Step[..., Any]) -> tuple[str, ...]:
    if isinstance(cast("object", made.handler), Step):
        return ("is declared twice; give it all its triggers at once: @step(http(..), queue(..))",)
    if not made.triggers:
        return (*made.plan.mistakes, "nothing starts it; give it http(..), queue(..) or cron(..), or noop() to draw it")
    return made.plan.mistakes


def _name(value: Any) -> str | None:
    if value is not None and "/" in check.word(value):
        raise Wrong(f'must be without "/", which parts a step from its topic, not {value!r}')
    return None if value is None else check.word(value)


def _default_name(handler: Any, file: str) -> str:
    """The function's name; a function that is only called ``handler`` is named for its file."""
    name = name_of(handler)
    stem = Path(file).name.removesuffix(".py").removesuffix(".step").removesuffix("_step")
    return stem if stem and name in {"handler", "<lambda>", _nothing.__name__} else name


async def _nothing() -> None:
    """Stands for a handler that is not there."""
