"""What an input must look like: a pydantic model, any type that pydantic understands, or a JSON Schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


class Schema:
    """A checked schema. `Schema.of` makes one; it is compiled once, when it is first used."""

    #: What the user wrote: a class, another type, a `TypeAdapter` or a dict.
    source: Any

    @classmethod
    def of(cls, source: Any) -> Schema:
        """Takes a pydantic model, another type, a `TypeAdapter`, a JSON Schema as a dict, or a `Schema` itself.

        Raises `SchemaError` where it is none of these, or a JSON Schema that is not valid.
        """
        raise NotImplementedError

    def validate(self, value: object, what: str = "input") -> Any:
        """Returns the model (with a JSON Schema: the value as it is). Raises `ValidationFailed`, naming `what`."""
        raise NotImplementedError

    def validate_json(self, data: bytes, what: str = "input") -> Any:
        """As `validate`, of JSON bytes; bad JSON is a `ValidationFailed` too."""
        raise NotImplementedError

    def validate_query(self, values: Mapping[str, str | list[str]], what: str = "query") -> Any:
        """As `validate`, of strings: numbers and booleans are read, and a single value makes a list where one is due."""
        raise NotImplementedError

    def json_schema(self) -> dict[str, Any]:
        """The JSON Schema, for OpenAPI and for people."""
        raise NotImplementedError
