"""Checks a request against the schemas of its trigger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from motia_fast.errors import ValidationFailed
from motia_fast.web.refusals import Refused, validation_failed

if TYPE_CHECKING:
    from motia_fast.requests import Request
    from motia_fast.triggers import HttpTrigger

_Details = list[dict[str, object]]


def validate(trigger: HttpTrigger, request: Request[Any]) -> None:
    """Sets `request.model` and `request.query` to what the schemas make of body and query.

    Raises `Refused` with every mistake of both: 400, each `loc` beginning with "body" or "query".
    """
    if trigger.body_schema is None and trigger.query_params is None:
        return
    details = [*_validate_body(trigger, request), *_validate_query(trigger, request)]
    if details:
        raise Refused(validation_failed(details))


def _validate_body(trigger: HttpTrigger, request: Request[Any]) -> _Details:
    if trigger.body_schema is None:
        return []
    if not request.raw:
        return [{"loc": ["body"], "msg": "a JSON body is required", "type": "missing"}]
    try:
        request.model = trigger.body_schema.validate_json(request.raw)
    except ValidationFailed as error:
        return _located("body", error)
    return []


def _validate_query(trigger: HttpTrigger, request: Request[Any]) -> _Details:
    if trigger.query_params is None:
        return []
    try:
        request.query = trigger.query_params.validate_query(request.query_params)
    except ValidationFailed as error:
        return _located("query", error)
    return []


def _located(first: str, error: ValidationFailed) -> _Details:
    return [{**detail, "loc": [first, *_parts(detail.get("loc"))]} for detail in error.details]


def _parts(loc: object) -> list[object]:
    return list(loc) if isinstance(loc, list | tuple) else []
