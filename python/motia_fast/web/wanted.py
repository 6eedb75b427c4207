"""Whether the condition of an HTTP trigger holds for a request.

A function is given the request. An `F` looks at it as JSON, under the names that the request has: ``F.body.amount``,
``F.query_params.page``, ``F.path_params.id``, ``F.headers["x-api-key"]``, ``F.cookies``, ``F.method``, ``F.path``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from motia_fast.conditions import Condition
from motia_fast.encoding import encode
from motia_fast.engine.pure.condition import Document, compile_condition

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from motia_fast.context import Context
    from motia_fast.requests import Request
    from motia_fast.steps import Step
    from motia_fast.triggers import HttpTrigger

    Wanted = Callable[[Request[Any], Context], Awaitable[bool]]


def wanted(step: Step[..., Any], trigger: HttpTrigger) -> Wanted | None:
    """The trigger's condition as one function; None where it has none."""
    condition = trigger.condition
    if condition is None:
        return None
    if not isinstance(condition, Condition):
        return lambda request, ctx: step.wants(trigger, request, ctx)
    evaluator = compile_condition(condition.to_json())

    async def holds(request: Request[Any], _ctx: Context) -> bool:
        return evaluator.evaluate(Document(encode(_as_json(request), "request"))).matched

    return holds


def _as_json(request: Request[Any]) -> dict[str, Any]:
    return {
        "method": request.method,
        "path": request.path,
        "path_params": request.path_params,
        "query_params": request.query_params,
        "headers": request.headers,
        "cookies": request.cookies,
        "body": request.body,
    }
