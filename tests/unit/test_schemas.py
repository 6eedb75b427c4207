"""Schemas: what each kind accepts, and the details of what it refuses."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from typing_extensions import TypedDict

from motia_fast.errors import SchemaError, ValidationFailed
from motia_fast.schemas import Schema


class Order(BaseModel):
    id: str
    pet_id: str = Field(alias="petId")
    quantity: int = 1


class Strict(BaseModel):
    model_config = ConfigDict(strict=True)
    at: datetime


@dataclass
class Point:
    x: int


class Named(TypedDict):
    name: str


class Search(BaseModel):
    page: int = 1
    tags: list[str] = []
    limits: list[int] | None = None
    exact: bool = False
    text: str | None = None
    ratio: float | None = None


ORDER = {
    "type": "object",
    "properties": {"id": {"type": "string"}, "quantity": {"type": "integer"}, "email": {"format": "email"}},
    "required": ["id"],
}

SEARCH = {
    "type": "object",
    "$defs": {"count": {"type": "integer", "minimum": 0}},
    "properties": {
        "page": {"$ref": "#/$defs/count"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "limits": {"anyOf": [{"type": "array", "items": {"$ref": "#/$defs/count"}}, {"type": "null"}]},
        "exact": {"type": "boolean"},
        "text": {"type": ["string", "null"]},
        "ratio": {"type": ["number", "null"]},
        "loop": {"$ref": "#/properties/loop"},
        "any": True,
    },
}


def details(schema: Any, value: object) -> list[dict[str, object]]:
    with pytest.raises(ValidationFailed) as caught:
        Schema.of(schema).validate(value)
    return caught.value.details


@pytest.mark.parametrize(
    ("source", "value", "expected"),
    [
        (Order, {"id": "1", "petId": "p"}, Order(id="1", petId="p")),
        (Order, Order(id="1", petId="p"), Order(id="1", petId="p")),
        (Point, {"x": 1}, Point(1)),
        (Named, {"name": "a"}, {"name": "a"}),
        (list[int], ["1", 2], [1, 2]),
        (int | None, None, None),
        (TypeAdapter(int), 3, 3),
        (Schema.of(int), 3, 3),
        (ORDER, {"id": "1", "more": 2}, {"id": "1", "more": 2}),
        ({}, [1], [1]),
    ],
)
def test_a_valid_value_becomes_the_model_or_stays_as_it_is(source: Any, value: object, expected: object) -> None:
    assert Schema.of(source).validate(value) == expected


def test_json_is_read_in_json_mode_where_a_strict_model_takes_a_date_as_text() -> None:
    assert Schema.of(Strict).validate_json(b'{"at": "2024-02-29T00:00:00Z"}').at == datetime(2024, 2, 29, tzinfo=UTC)


@pytest.mark.parametrize(
    ("source", "value", "expected"),
    [
        (Order, {"petId": "p"}, [{"loc": ["id"], "msg": "Field required", "type": "missing"}]),
        (ORDER, {}, [{"loc": ["id"], "msg": '"id" is a required property', "type": "required"}]),
        (ORDER, {"id": 1}, [{"loc": ["id"], "msg": '1 is not of type "string"', "type": "type"}]),
        (ORDER, [], [{"loc": [], "msg": '[] is not of type "object"', "type": "type"}]),
        (ORDER, {"id": "1", "email": "x"}, [{"loc": ["email"], "msg": '"x" is not a "email"', "type": "format"}]),
    ],
)
def test_details_point_at_the_field_in_the_same_form_for_every_kind(
    source: Any, value: object, expected: list[dict[str, object]]
) -> None:
    assert details(source, value) == expected


def test_every_wrong_field_is_named_at_once() -> None:
    found = details(Order, {"id": 1, "quantity": "x"})
    assert [detail["loc"] for detail in found] == [["id"], ["petId"], ["quantity"]]
    assert len(details(ORDER, {"id": 1, "quantity": "x"})) == 2


def test_a_place_in_an_array_is_a_number() -> None:
    assert details(list[int], [1, "x"])[0]["loc"] == [1]
    assert details({"items": {"type": "integer"}}, [1, "x"])[0]["loc"] == [1]


@pytest.mark.parametrize("source", [Order, ORDER])
def test_bad_json_is_a_failed_validation(source: Any) -> None:
    with pytest.raises(ValidationFailed, match="payload is not valid") as caught:
        Schema.of(source).validate_json(b'{"id":', "payload")
    [detail] = caught.value.details
    assert (detail["loc"], detail["type"]) == ([], "json_invalid")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (None, "None is not a schema; give a pydantic model"),
        ("Order", "'Order' is not a schema"),
        (3, "3 is not a schema"),
        (len, "len is not a schema"),
        (test_bad_json_is_a_failed_validation, "is not a schema"),
        (object(), "is not a schema"),
        ({"type": "objec"}, 'the JSON Schema is not valid at type: "objec" is not valid'),
        ({"properties": {"a": {"type": 3}}}, "the JSON Schema is not valid at properties.a.type"),
        ({"$ref": "http://example.invalid/order.json"}, "the JSON Schema is not valid"),
        ({"enum": [object()]}, "the JSON Schema is not valid"),
    ],
)
def test_what_is_no_schema_is_refused_with_what_would_be_one(source: Any, message: str) -> None:
    with pytest.raises(SchemaError) as caught:
        Schema.of(source)
    assert message in str(caught.value)


def test_a_class_that_pydantic_cannot_check_is_refused_in_one_line() -> None:
    class Socket:
        pass

    with pytest.raises(SchemaError) as caught:
        Schema.of(Socket)
    assert "Socket is not a schema" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("source", [Search, SEARCH])
@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"page": "2"}, {"page": 2}),
        ({"tags": "a"}, {"tags": ["a"]}),
        ({"tags": ["a", "1"]}, {"tags": ["a", "1"]}),
        ({"limits": ["1", "2"]}, {"limits": [1, 2]}),
        ({"limits": "1"}, {"limits": [1]}),
        ({"exact": "true"}, {"exact": True}),
        ({"text": "12"}, {"text": "12"}),
        ({"text": ""}, {"text": ""}),
        ({"ratio": "1.5"}, {"ratio": 1.5}),
        ({"ratio": ""}, {"ratio": None}),
        ({"ratio": "-2"}, {"ratio": -2}),
    ],
)
def test_a_query_is_read_as_the_types_that_the_schema_names(
    source: Any, values: dict[str, str | list[str]], expected: dict[str, object]
) -> None:
    found = Schema.of(source).validate_query(values)
    assert (found.model_dump(include=set(values)) if isinstance(found, BaseModel) else found) == expected


@pytest.mark.parametrize("source", [Search, SEARCH])
@pytest.mark.parametrize(
    "values",
    [{"page": "x"}, {"page": "1" * 5000}, {"page": ["1", "2"]}, {"limits": "x"}, {"exact": "perhaps"}, {"ratio": "1e"}],
)
def test_a_query_that_cannot_be_read_so_is_refused(source: Any, values: dict[str, str | list[str]]) -> None:
    with pytest.raises(ValidationFailed, match="query is not valid"):
        Schema.of(source).validate_query(values)


def test_a_query_parameter_that_the_schema_does_not_name_stays_a_string() -> None:
    values: dict[str, str | list[str]] = {"loop": "1", "any": "2", "other": ["3"]}
    assert Schema.of(SEARCH).validate_query(values) == values


def test_a_json_schema_is_its_own_description() -> None:
    assert Schema.of(ORDER).json_schema() == ORDER


def test_a_model_describes_itself_by_alias_as_input_and_as_output() -> None:
    class Priced(BaseModel):
        price: Decimal = Field(alias="thePrice")

    incoming, outgoing = Schema.of(Priced).json_schema(), Schema.of(Priced).json_schema("serialization")
    assert incoming["required"] == ["thePrice"]
    assert "anyOf" in incoming["properties"]["thePrice"]  # a number or a string comes in
    assert outgoing["properties"]["thePrice"]["type"] == "string"


def test_a_type_without_json_schema_says_so() -> None:
    class Open(BaseModel):
        model_config = ConfigDict(arbitrary_types_allowed=True)
        value: object = Field(default=None)
        call: type[Any] | None = None

    class Raised(BaseModel):
        model_config = ConfigDict(arbitrary_types_allowed=True)
        thing: Exception

    assert Schema.of(Open).validate({}) == Open()
    with pytest.raises(SchemaError, match="Raised has no JSON Schema"):
        Schema.of(Raised).json_schema()


def test_schemas_of_one_source_are_equal() -> None:
    assert Schema.of(Order) == Schema.of(Order)
    assert Schema.of(Order) != Schema.of(Search)
