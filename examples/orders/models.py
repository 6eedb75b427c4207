"""What travels between the steps. In JSON the fields are in camelCase, as the shop's clients write them."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

Email = Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")]


class Wire(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True, serialize_by_alias=True)


class NewOrder(Wire):
    """What a customer sends."""

    email: Email
    quantity: int = Field(gt=0)
    pet_id: str


class FoodOrder(NewOrder):
    """An order that was accepted."""

    order_id: str


class FailedOrder(FoodOrder):
    """An order that was given up."""

    error: str
    failed_at: datetime


class CreatedOrder(Wire):
    """An order that was placed, and what it is worth."""

    order_id: str
    amount: float


class NewPendingOrder(Wire):
    """An order that can wait for the next batch."""

    amount: float = Field(gt=0)


class ProcessedOrder(CreatedOrder):
    """An order that is done, and who did it."""

    source: str


class Notification(Wire):
    """A mail to a customer."""

    email: Email
    template_id: str
    template_data: dict[str, object]


class Alert(Wire):
    """What an administrator should look at."""

    type: str
    order_id: str
    customer_email: Email
    error: str
