"""What an input must look like: a pydantic model, any type that pydantic understands, or a JSON Schema."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import jsonschema_rs
import orjson
from pydantic import TypeAdapter, ValidationError
from pydantic.errors import PydanticSchemaGenerationError, PydanticUndefinedAnnotation, PydanticUserError

from motia_fast.errors import SchemaError, ValidationFailed

Mode = Literal["validation", "serialization"]
Details = list[dict[str, object]]


class _Invalid(Exception):
    """What a checker found; `Schema` adds the name of the input."""

    def __init__(self, details: Details) -> None:
        self.details = details


@dataclass(frozen=True, slots=True)
class Schema:
    """A schema that was checked and compiled once. Make one with `Schema.of`; equal where the sources are."""

    #: What the user wrote: a class, another type, a `TypeAdapter` or a dict.
    source: Any
    _check: Callable[[object], Any] = field(compare=False, repr=False)
    _check_json: Callable[[bytes], Any] = field(compare=False, repr=False)
    _describe: Callable[[Mode], dict[str, Any]] = field(compare=False, repr=False)

    @classmethod
    def of(cls, source: Any) -> Schema:
        """Takes a pydantic model, another type, a `TypeAdapter`, a JSON Schema as a dict, or a `Schema` itself.

        Raises `SchemaError` where it is none of these, or a JSON Schema that is not valid. A JSON Schema may not refer
        to another document; its formats ("email", "date-time" ..) are checked.
        """
        if isinstance(source, Schema):
            return source
        if isinstance(source, Mapping):
            return _of_json_schema(dict(source))
        return _of_type(source)

    def validate(self, value: object, what: str = "input") -> Any:
        """Returns the model (with a JSON Schema: the value as it is). Raises `ValidationFailed`, naming `what`."""
        try:
            return self._check(value)
        except _Invalid as invalid:
            raise ValidationFailed(what, invalid.details) from None

    def validate_json(self, data: bytes, what: str = "input") -> Any:
        """As `validate`, of JSON bytes; bad JSON is a `ValidationFailed` of type "json_invalid"."""
        try:
            return self._check_json(data)
        except _Invalid as invalid:
            raise ValidationFailed(what, invalid.details) from None

    def validate_query(self, values: Mapping[str, str | list[str]], what: str = "query") -> Any:
        """As `validate`, of strings: reads numbers and booleans, and makes a single value a list where one is due."""
        return self.validate(_typed_query(values, self.json_schema()), what)

    def json_schema(self, mode: Mode = "validation") -> dict[str, Any]:
        """The JSON Schema: of what comes in, or of what goes out with mode "serialization".

        Raises `SchemaError` for a type that pydantic checks but JSON Schema cannot express.
        """
        return self._describe(mode)


# ---------------------------------------------------------------- types


def _of_type(source: Any) -> Schema:
    adapter = _adapter(source)

    def check(value: object) -> Any:
        try:
            return adapter.validate_python(value)
        except ValidationError as error:
            raise _Invalid(_pydantic_details(error)) from None

    def check_json(data: bytes) -> Any:
        try:
            # Not `adapter.validate_json`, whose eight options take a third of the time that a small payload does.
            return adapter.validator.validate_json(data)
        except ValidationError as error:
            raise _Invalid(_pydantic_details(error)) from None

    def describe(mode: Mode) -> dict[str, Any]:
        try:
            return adapter.json_schema(mode=mode)
        except PydanticUserError as error:
            raise SchemaError(f"{_name(source)} has no JSON Schema: {_first_line(error)}") from None

    return Schema(source, check, check_json, describe)


def _adapter(source: Any) -> TypeAdapter[Any]:
    if isinstance(source, TypeAdapter):
        return source
    if source is None or isinstance(source, str | bytes) or inspect.isroutine(source):
        raise SchemaError(f"{_name(source)} is not a schema; {_EXPECTED}")
    try:
        return TypeAdapter(source)
    except PydanticSchemaGenerationError:
        raise SchemaError(f"{_name(source)} is not a schema; {_EXPECTED}") from None
    except (PydanticUserError, PydanticUndefinedAnnotation, TypeError) as error:
        raise SchemaError(f"{_name(source)} cannot be a schema: {_first_line(error)}") from None


_EXPECTED = "give a pydantic model, another type that pydantic understands, or a JSON Schema as a dict"


def _name(source: Any) -> str:
    return str(getattr(source, "__qualname__", None) or repr(source))


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]


def _pydantic_details(error: ValidationError) -> Details:
    errors = error.errors(include_url=False, include_context=False, include_input=False)
    return [{"loc": list(e["loc"]), "msg": e["msg"], "type": e["type"]} for e in errors]


# ---------------------------------------------------------------- JSON Schema


def _of_json_schema(source: dict[str, Any]) -> Schema:
    try:
        validator = jsonschema_rs.validator_for(source, validate_formats=True, offline=True)
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError) as error:
        raise SchemaError(f"the JSON Schema is not valid{_place(error)}") from None
    except (ValueError, TypeError) as error:  # a value in it that JSON does not have
        raise SchemaError(f"the JSON Schema is not valid: {_first_line(error)}") from None

    def check(value: object) -> Any:
        details = [_json_detail(error) for error in validator.iter_errors(value)]
        if details:
            raise _Invalid(details)
        return value

    def check_json(data: bytes) -> Any:
        try:
            value = orjson.loads(data)
        except orjson.JSONDecodeError as error:
            raise _Invalid([{"loc": [], "msg": f"Invalid JSON: {error}", "type": "json_invalid"}]) from None
        return check(value)

    return Schema(source, check, check_json, lambda _mode: source)


def _place(error: jsonschema_rs.ValidationError | jsonschema_rs.ReferencingError) -> str:
    if isinstance(error, jsonschema_rs.ReferencingError):
        return f": {_first_line(error)}"
    path = ".".join(str(part) for part in error.instance_path)
    return f" at {path}: {error.message}" if path else f": {error.message}"


def _json_detail(error: jsonschema_rs.ValidationError) -> dict[str, object]:
    """One error; that of a missing property points at the property, as pydantic does."""
    loc: list[object] = list(error.instance_path)
    if isinstance(error.kind, jsonschema_rs.ValidationErrorKind.Required):
        loc.append(error.kind.property)
    return {"loc": loc, "msg": error.message, "type": error.kind.name}


# ---------------------------------------------------------------- query strings

#: Short enough that it is never infinite.
_NUMBER = re.compile(r"-?[0-9]{1,100}(\.[0-9]{1,100})?([eE][-+]?[0-9]{1,2})?")


def _typed_query(values: Mapping[str, str | list[str]], schema: dict[str, Any]) -> dict[str, object]:
    properties = _resolved(schema, schema).get("properties", {})
    return {name: _typed(value, _allowed(properties.get(name), schema)) for name, value in values.items()}


def _resolved(part: Any, schema: dict[str, Any]) -> dict[str, Any]:
    """Follows local references; a part that is missing, or a bare true or false, says nothing."""
    for _ in range(32):  # a reference may lead to itself
        reference = part.get("$ref") if isinstance(part, dict) else None
        if not isinstance(reference, str) or not reference.startswith("#/"):
            break
        part = _at(schema, reference[2:].split("/"))
    return part if isinstance(part, dict) else {}


def _at(schema: Any, path: list[str]) -> Any:
    for segment in path:
        key = segment.replace("~1", "/").replace("~0", "~")
        schema = schema.get(key) if isinstance(schema, dict) else None
    return schema


#: The JSON types that a part of a schema allows; that of a list with what its items allow.
_Allowed = dict[str, "_Allowed"]


def _allowed(part: Any, schema: dict[str, Any], depth: int = 4) -> _Allowed:
    part = _resolved(part, schema)
    names = part.get("type", [])
    found: _Allowed = {name: {} for name in ([names] if isinstance(names, str) else names)}
    if "array" in found and depth:
        found["array"] = _allowed(part.get("items"), schema, depth - 1)
    for choice in (*part.get("anyOf", ()), *part.get("oneOf", ())) if depth else ():
        found |= _allowed(choice, schema, depth - 1)
    return found


def _typed(value: str | list[str], allowed: _Allowed) -> object:
    if "array" in allowed:
        return [_typed(item, allowed["array"]) for item in ([value] if isinstance(value, str) else value)]
    if isinstance(value, list) or "string" in allowed:
        return value
    return _scalar(value, allowed)


def _scalar(value: str, allowed: _Allowed) -> object:
    """Reads a boolean, null or number where the schema has one; another string stays as it is, to be refused."""
    if "boolean" in allowed and value in {"true", "false"}:
        return value == "true"
    if "null" in allowed and value in {"", "null"}:
        return None
    if allowed.keys() & {"integer", "number"} and _NUMBER.fullmatch(value):
        return int(value) if value.lstrip("-").isdigit() else float(value)
    return value
