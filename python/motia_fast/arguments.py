"""How a function of the user's is called: which parameter gets the input, and which one the context.

It is decided once, when the function is declared. A parameter that is named ``ctx`` or ``context``, or annotated
`Context` or `SyncContext`, gets the context; the other one gets the input; ``*args`` gets both.
"""

from __future__ import annotations

import functools
import inspect
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from inspect import Parameter
from types import FunctionType, UnionType
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin

from motia_fast.errors import ConditionError

if TYPE_CHECKING:
    from motia_fast.contract import Kind

Function = Callable[..., Any]

_NAMES = ("ctx", "context")
_CLASSES = {"Context", "SyncContext"}
#: An annotation that could not be evaluated: ``Context``, ``motia_fast.Context``, ``Context | None``.
_WRITTEN = re.compile(r"(\w+\.)*(Sync)?Context(\s*\|\s*None)?")
_POSITIONAL = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)


@dataclass(frozen=True, slots=True)
class Plan:
    """How a handler is called."""

    #: `call(data, ctx)` calls the handler with what it takes.
    call: Callable[[object, object], Any]
    kind: Kind
    takes_input: bool = True
    takes_context: bool = True
    #: The annotation of the parameter that gets the input; None without one, a string if it could not be evaluated.
    annotation: Any = None
    mistakes: tuple[str, ...] = ()


def plan(handler: Function) -> Plan:
    """How `handler` is called. Never raises: what is wrong with its parameters is in the plan's `mistakes`."""
    kind = kind_of(handler)
    wrong = _unusable(handler)
    if wrong:
        return Plan(handler, kind, mistakes=(wrong,))
    try:
        parameters = _parameters(handler)
    except (ValueError, TypeError):  # written in C, without a signature
        return Plan(lambda data, _ctx: handler(data), kind, takes_context=False)
    return _Assigned(handler, parameters).plan(kind)


def kind_of(function: Function) -> Kind:
    """Whether calling it returns an awaitable ("async"), or a value ("thread").

    A plain wrapper around an ``async def``, made with `functools.wraps`, returns what the inner function does.
    """
    called = inspect.unwrap(_innermost(function))
    return "async" if inspect.iscoroutinefunction(called) else "thread"


def _innermost(function: Any) -> Any:
    """The function behind partials and callable objects."""
    while isinstance(function, functools.partial):
        function = function.func
    if inspect.isroutine(function) or inspect.isclass(function):
        return function
    return type(function).__call__ if hasattr(type(function), "__call__") else function  # noqa: B004 -- the method itself


def code_of(function: Function) -> tuple[str, int]:
    """The file and line where a function is written; ("", 0) where it is not written in Python."""
    code = getattr(inspect.unwrap(_innermost(function)), "__code__", None)
    return ("", 0) if code is None else (code.co_filename, code.co_firstlineno)


def name_of(function: Function) -> str:
    """The name of a function, or of the class of a callable object."""
    while isinstance(function, functools.partial):
        function = function.func
    return str(getattr(function, "__name__", None) or type(function).__name__)


def _unusable(handler: Any) -> str:
    if not callable(handler):
        return f"the handler is {handler!r}, which cannot be called"
    if inspect.isclass(handler):
        return f"the handler is the class {handler.__qualname__}; give a function, or an object that has `__call__`"
    inner = inspect.unwrap(_innermost(handler))
    if inspect.isgeneratorfunction(inner) or inspect.isasyncgenfunction(inner):
        return "the handler has a `yield`; it must return its result, or await and enqueue inside"
    return ""


# ---------------------------------------------------------------- parameters


def _parameters(function: Function) -> list[Parameter]:
    if sys.version_info >= (3, 14):
        from annotationlib import Format  # noqa: PLC0415 -- new in 3.14, where annotations are evaluated on demand

        signature = inspect.signature(function, annotation_format=Format.FORWARDREF)
    else:
        signature = inspect.signature(function)
    return list(signature.parameters.values())


def annotation_of(parameter: Parameter, function: Function) -> Any:
    """A parameter's annotation: evaluated if that is possible here and now, else as a string; None without one."""
    annotation = None if parameter.annotation is Parameter.empty else parameter.annotation
    annotation = getattr(annotation, "__forward_arg__", annotation)
    inner = inspect.unwrap(_innermost(function))
    if not isinstance(annotation, str) or not isinstance(inner, FunctionType):
        return annotation
    probe = FunctionType(inner.__code__, inner.__globals__, closure=inner.__closure__)
    probe.__annotations__ = {parameter.name: annotation}
    try:
        return inspect.get_annotations(probe, eval_str=True)[parameter.name]
    except Exception:  # noqa: BLE001 -- a name that only a type checker knows
        return annotation


def _is_context(parameter: Parameter, annotation: Any) -> bool:
    return parameter.name in _NAMES or _names_context(annotation)


def _names_context(annotation: Any) -> bool:
    if isinstance(annotation, str):
        return _WRITTEN.fullmatch(annotation) is not None
    if get_origin(annotation) in {Union, UnionType}:
        return any(_names_context(member) for member in get_args(annotation))
    found = get_origin(annotation) or annotation
    ours = str(getattr(found, "__module__", "")).partition(".")[0] == "motia_fast"
    return ours and getattr(found, "__name__", "") in _CLASSES


class _Assigned:
    """The parameters of a handler, and what each is given."""

    def __init__(self, handler: Function, parameters: Sequence[Parameter]) -> None:
        self._handler = handler
        self._parameters = parameters
        self._annotations = {p.name: annotation_of(p, handler) for p in parameters}
        self._contexts = [p for p in self._named() if _is_context(p, self._annotations[p.name])]
        self._inputs = self._find_inputs()
        self._variable = any(p.kind is Parameter.VAR_POSITIONAL for p in parameters)

    def _named(self) -> list[Parameter]:
        return [p for p in self._parameters if p.kind in _POSITIONAL or p.kind is Parameter.KEYWORD_ONLY]

    def _find_inputs(self) -> list[Parameter]:
        """The parameters that must get the input: what has a default keeps it, unless nothing else could get it."""
        others = [p for p in self._named() if p not in self._contexts]
        required = [p for p in others if p.default is Parameter.empty]
        return required or [p for p in others if p.kind in _POSITIONAL][:1]

    def plan(self, kind: Kind) -> Plan:
        mistakes = tuple(self._mistakes())
        if mistakes:
            return Plan(self._handler, kind, mistakes=mistakes)
        positions = self._positions()
        takes_input = bool(self._inputs) or "input" in (positions or ())
        takes_context = bool(self._contexts) or "ctx" in (positions or ())
        annotation = self._annotations[self._inputs[0].name] if self._inputs else None
        return Plan(self._call(positions), kind, takes_input, takes_context, annotation)

    def _mistakes(self) -> list[str]:
        name = name_of(self._handler)
        found: list[str] = []
        if len(self._inputs) > 1:
            names = _quoted(self._inputs)
            found.append(
                f"{name}() takes {names}, and a handler gets one input; the parameter for the context is named "
                '"ctx" or "context", or annotated Context; give any other a default'
            )
        if len(self._contexts) > 1:
            found.append(f"{name}() takes the context twice, as {_quoted(self._contexts)}; keep one of them")
        return found

    def _call(self, positions: tuple[str, ...] | None) -> Callable[[object, object], Any]:
        handler = self._handler
        match positions:
            case ("input", "ctx"):
                return handler
            case ("ctx", "input"):
                return lambda data, ctx: handler(ctx, data)
            case ("input",):
                return lambda data, _ctx: handler(data)
            case ("ctx",):
                return lambda _data, ctx: handler(ctx)
            case ():
                return lambda _data, _ctx: handler()
            case _:
                return self._by_keyword()

    def _positions(self) -> tuple[str, ...] | None:
        """What is given by position, from the left; None where that does not reach all that is given."""
        given = [*self._inputs, *self._contexts]
        found: list[str] = []
        for parameter in self._parameters:
            if parameter.kind not in _POSITIONAL or parameter not in given:
                break
            found.append("input" if parameter in self._inputs else "ctx")
        if len(found) < len(given):
            return None
        if self._variable and len(found) == sum(p.kind in _POSITIONAL for p in self._parameters):
            found += [each for each in ("input", "ctx") if each not in found]
        return tuple(found)

    def _by_keyword(self) -> Callable[[object, object], Any]:
        handler, inputs, contexts = self._handler, self._inputs, self._contexts
        before = [p for p in self._parameters if p.kind is Parameter.POSITIONAL_ONLY]

        def call(data: object, ctx: object) -> Any:
            values = {p.name: data for p in inputs} | {p.name: ctx for p in contexts}
            positional = [values.pop(p.name, p.default) for p in before]
            return handler(*positional, **values)

        return call


def _quoted(parameters: Sequence[Parameter]) -> str:
    *first, last = (f'"{p.name}"' for p in parameters)
    return f"{', '.join(first)} and {last}"


# ---------------------------------------------------------------- conditions


@dataclass(frozen=True, slots=True)
class Predicate:
    """A callable condition: `predicate(data, ctx)` returns a bool, or an awaitable of one where `is_async`."""

    function: Function
    takes_context: bool
    is_async: bool

    def __call__(self, data: object, ctx: object) -> Any:
        """Calls the function with what it takes."""
        return self.function(data, ctx) if self.takes_context else self.function(data)


def predicate(function: Function) -> Predicate:
    """Works out how a condition is called: with the input, or with the input and the context if it takes two.

    Raises `ConditionError` where it takes neither one nor two.
    """
    is_async = kind_of(function) == "async"
    try:
        parameters = _parameters(function)
    except (ValueError, TypeError):  # written in C, without a signature
        return Predicate(function, takes_context=False, is_async=is_async)
    required = [p for p in parameters if p.default is Parameter.empty and p.kind in _POSITIONAL]
    positional = [p for p in parameters if p.kind in _POSITIONAL]
    variable = any(p.kind is Parameter.VAR_POSITIONAL for p in parameters)
    keywords = any(p.kind is Parameter.KEYWORD_ONLY and p.default is Parameter.empty for p in parameters)
    if len(required) > 2 or keywords or not (positional or variable):  # noqa: PLR2004 -- the input and the context
        raise ConditionError(f"{name_of(function)}() must take the input, or the input and the context")
    return Predicate(function, _takes_two(positional, variable=variable), is_async)


def _takes_two(positional: Sequence[Parameter], *, variable: bool) -> bool:
    """Whether the context is passed: to a second parameter that is required or named for it, or to ``*args``."""
    if len(positional) < 2:  # noqa: PLR2004 -- the input and the context
        return variable
    return positional[1].default is Parameter.empty or positional[1].name in _NAMES
