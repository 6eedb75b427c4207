"""The argument rule, as tables: which parameter gets what."""

from __future__ import annotations

import functools
from typing import Annotated, Any, Optional

import pytest

import motia_fast
from motia_fast import Context, SyncContext
from motia_fast.arguments import code_of, kind_of, name_of, plan, predicate
from motia_fast.errors import ConditionError


class Orders:
    def method(self, order: Any, ctx: Any) -> tuple[Any, Any]:
        return (order, ctx)

    async def asynchronous(self, order: Any) -> Any:
        return order

    @classmethod
    def of_class(cls, order: Any) -> tuple[Any]:
        return (order,)

    @staticmethod
    def static(ctx: Any) -> tuple[Any]:
        return (ctx,)


class Called:
    def __call__(self, order: Any, ctx: Any) -> tuple[Any, Any]:
        return (order, ctx)


class CalledLater:
    async def __call__(self, order: Any) -> Any:
        return order


def no_arguments() -> tuple[()]:
    return ()


def both(order: Any, ctx: Any) -> tuple[Any, Any]:
    return (order, ctx)


def turned(context: Any, order: Any) -> tuple[Any, Any]:
    return (context, order)


def annotated(c: Context, order: Any) -> tuple[Any, Any]:
    return (c, order)


def blocking(order: Any, c: SyncContext) -> tuple[Any, Any]:
    return (order, c)


def qualified(order: Any, c: motia_fast.Context) -> tuple[Any, Any]:
    return (order, c)


def optional(order: Any, c: Context | None = None) -> tuple[Any, Any]:
    return (order, c)


def older_optional(order: Any, c: Optional[Context] = None) -> tuple[Any, Any]:  # noqa: UP045 -- it is written so too
    return (order, c)


def unknown_name(order: Order, c: Context) -> tuple[Any, Any]:  # type: ignore[name-defined] # noqa: F821 # pyright: ignore[reportUndefinedVariable, reportUnknownParameterType]
    return (order, c)


def only_context(ctx: Any) -> tuple[Any]:
    return (ctx,)


def only_input(order: Any) -> tuple[Any]:
    return (order,)


def variable(*args: Any) -> tuple[Any, ...]:
    return args


def input_and_rest(order: Any, *rest: Any) -> tuple[Any, ...]:
    return (order, *rest)


def context_and_rest(ctx: Any, *rest: Any) -> tuple[Any, ...]:
    return (ctx, *rest)


def named_and_rest(order: Any, ctx: Any, *rest: Any) -> tuple[Any, ...]:
    return (order, ctx, *rest)


def default_and_rest(order: Any, size: int = 3, *rest: Any) -> tuple[Any, ...]:
    return (order, size, *rest)


def keyword(order: Any, *, ctx: Any) -> tuple[Any, Any]:
    return (order, ctx)


def keywords(*, order: Any, ctx: Any) -> tuple[Any, Any]:
    return (order, ctx)


def positional(order: Any, ctx: Any, /) -> tuple[Any, Any]:
    return (order, ctx)


def defaults(order: Any = None, ctx: Any = None) -> tuple[Any, Any]:
    return (order, ctx)


def more_defaults(order: Any, size: int = 3, ctx: Any = None) -> tuple[Any, int, Any]:
    return (order, size, ctx)


def positional_default(size: int = 3, /, *, order: Any) -> tuple[int, Any]:
    return (size, order)


def context_and_default(ctx: Any, order: Any = None) -> tuple[Any, Any]:
    return (ctx, order)


def keyword_default(ctx: Any, *, days: int = 30) -> tuple[Any, int]:
    return (ctx, days)


def open_ended(order: Any, **more: Any) -> tuple[Any, dict[str, Any]]:
    return (order, more)


def of_database(database: str, order: Any, ctx: Any) -> tuple[str, Any, Any]:
    return (database, order, ctx)


def wrapping(function: Any) -> Any:
    @functools.wraps(function)
    def inner(*args: Any, **more: Any) -> Any:
        return function(*args, **more)

    return inner


@pytest.mark.parametrize(
    ("handler", "expected"),
    [
        (no_arguments, ()),
        (both, ("input", "ctx")),
        (turned, ("ctx", "input")),
        (annotated, ("ctx", "input")),
        (blocking, ("input", "ctx")),
        (qualified, ("input", "ctx")),
        (optional, ("input", "ctx")),
        (older_optional, ("input", "ctx")),
        (unknown_name, ("input", "ctx")),
        (only_context, ("ctx",)),
        (only_input, ("input",)),
        (variable, ("input", "ctx")),
        (input_and_rest, ("input", "ctx")),
        (context_and_rest, ("ctx", "input")),
        (named_and_rest, ("input", "ctx")),
        (default_and_rest, ("input", 3)),
        (keyword, ("input", "ctx")),
        (keywords, ("input", "ctx")),
        (positional, ("input", "ctx")),
        (defaults, ("input", "ctx")),
        (more_defaults, ("input", 3, "ctx")),
        (positional_default, (3, "input")),
        (context_and_default, ("ctx", "input")),
        (keyword_default, ("ctx", 30)),
        (open_ended, ("input", {})),
        (functools.partial(of_database, "db"), ("db", "input", "ctx")),
        (functools.partial(of_database, database="db"), ("db", "input", "ctx")),
        (functools.partial(keyword_default, days=7), ("ctx", 7)),
        pytest.param(wrapping(turned), ("ctx", "input"), id="wrapped"),
        (Orders().method, ("input", "ctx")),
        (Orders.of_class, ("input",)),
        (Orders.static, ("ctx",)),
        (Called(), ("input", "ctx")),
        (lambda order, ctx: (order, ctx), ("input", "ctx")),
    ],
)
def test_each_parameter_gets_what_its_name_or_annotation_says(handler: Any, expected: tuple[object, ...]) -> None:
    planned = plan(handler)
    assert planned.mistakes == ()
    assert planned.call("input", "ctx") == expected
    assert planned.takes_input == ("input" in expected)
    assert planned.takes_context == ("ctx" in expected)


def test_what_is_written_in_c_gets_the_input() -> None:
    assert plan(iter).call([1], "ctx")  # has no signature


def two_inputs(order: Any, customer: Any) -> None:
    _ = (order, customer)


def three_inputs(a: Any, b: Any, c: Any, ctx: Any) -> None:
    _ = (a, b, c, ctx)


def two_contexts(ctx: Any, c: Context) -> None:
    _ = (ctx, c)


async def yielding(order: Any) -> Any:
    yield order


def generator(order: Any) -> Any:
    yield order


@pytest.mark.parametrize(
    ("handler", "expected"),
    [
        (two_inputs, 'two_inputs() takes "order" and "customer", and a handler gets one input'),
        (three_inputs, 'three_inputs() takes "a", "b" and "c", and a handler gets one input'),
        (two_contexts, 'two_contexts() takes the context twice, as "ctx" and "c"; keep one of them'),
        (yielding, "the handler has a `yield`"),
        (generator, "the handler has a `yield`"),
        (Orders, "the handler is the class Orders"),
        (3, "the handler is 3, which cannot be called"),
        (Orders.method, '"self" and "order"'),
    ],
)
def test_a_handler_that_cannot_be_called_so_is_a_mistake_with_the_fix(handler: Any, expected: str) -> None:
    [mistake] = plan(handler).mistakes
    assert expected in mistake


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (both, "thread"),
        (Orders().asynchronous, "async"),
        (functools.partial(Orders().asynchronous), "async"),
        (CalledLater(), "async"),
        (Called(), "thread"),
        (functools.partial(wrapping(Orders().asynchronous)), "async"),  # what it returns is to be awaited
        (print, "thread"),
    ],
)
def test_a_function_is_async_where_it_returns_an_awaitable(function: Any, expected: str) -> None:
    assert kind_of(function) == expected


async def test_an_async_callable_object_is_awaited() -> None:
    assert await plan(CalledLater()).call("input", "ctx") == "input"


def with_model(order: Called, ctx: Any) -> None:
    _ = (order, ctx)


def with_metadata(order: Annotated[int, "count"]) -> None:
    _ = order


@pytest.mark.parametrize(
    ("handler", "expected"),
    [
        (with_model, Called),
        (with_metadata, Annotated[int, "count"]),
        (unknown_name, "Order"),  # as written: it cannot be evaluated
        (no_arguments, None),
        (only_context, None),
        (variable, None),
    ],
)
def test_the_annotation_of_the_input_is_known_where_it_can_be_evaluated(handler: Any, expected: object) -> None:
    assert plan(handler).annotation == expected


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (both, "both"),
        (functools.partial(both), "both"),
        (Orders().method, "method"),
        (Called(), "Called"),
        (print, "print"),
    ],
)
def test_functions_have_names(function: Any, expected: str) -> None:
    assert name_of(function) == expected


def test_functions_have_places() -> None:
    file, line = code_of(functools.partial(wrapping(both)))
    assert file == __file__
    assert line == both.__code__.co_firstlineno
    assert code_of(print) == ("", 0)
    assert code_of(Called())[0] == __file__


@pytest.mark.parametrize(
    ("function", "takes_context", "is_async"),
    [
        (only_input, False, False),
        (both, True, False),
        (two_inputs, True, False),  # by place, whatever the second is called
        (variable, True, False),
        (default_and_rest, False, False),
        (defaults, True, False),
        (more_defaults, False, False),
        (bool, False, False),
        (CalledLater(), False, True),
    ],
)
def test_a_condition_gets_the_input_or_the_input_and_the_context(
    function: Any, takes_context: bool, is_async: bool
) -> None:
    found = predicate(function)
    assert (found.takes_context, found.is_async) == (takes_context, is_async)


def test_a_condition_is_called_with_what_it_takes() -> None:
    assert predicate(both)("input", "ctx") == ("input", "ctx")
    assert predicate(only_input)("input", "ctx") == ("input",)


@pytest.mark.parametrize("function", [no_arguments, three_inputs, keywords])
def test_a_condition_that_takes_something_else_is_refused(function: Any) -> None:
    with pytest.raises(ConditionError, match="must take the input"):
        predicate(function)
