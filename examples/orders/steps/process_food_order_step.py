"""Places an order, and retries by rules of its own: three times, after 1, 2 and 4 seconds.

A queue retries by itself whatever raises (`max_retries=`, `backoff=`). This is for the cases that want more say: the
count is in state, and the delay is the engine's, so that neither is lost when the process dies.
"""

from models import CreatedOrder, FailedOrder, FoodOrder, Notification

from motia_fast import Context, queue, step

MAX_RETRIES = 3
#: Of a bag of food.
PRICE = 100.0


class SupplierError(Exception):
    """The supplier does not deliver."""


@step(
    queue("process-food-order", input=FoodOrder),
    name="ProcessFoodOrder",
    description="Process food orders in the background",
    enqueues=["notification", "order.created", "process-food-order", "failed-orders"],
    flows=["orders"],
)
async def process_food_order(order: FoodOrder, ctx: Context) -> None:
    try:
        await place(order, ctx)
    except SupplierError as error:
        await retry_or_give_up(order, error, ctx)
    else:
        await ctx.state.delete("retries", order.order_id)


async def place(order: FoodOrder, ctx: Context) -> None:
    if order.pet_id == "always-fails":
        raise SupplierError(f"no supplier has food for pet {order.pet_id}")
    now = ctx.now().isoformat()
    placed: dict[str, object] = {
        "id": order.order_id,
        "email": order.email,
        "quantity": order.quantity,
        "petId": order.pet_id,
        "status": "placed",
        "createdAt": now,
        "shipDate": now,
    }
    await ctx.state.set("orders", order.order_id, placed)
    mail = Notification(email=order.email, template_id="order-confirmation", template_data=placed)
    await ctx.enqueue("notification", mail)
    await ctx.enqueue("order.created", CreatedOrder(order_id=order.order_id, amount=order.quantity * PRICE))


async def retry_or_give_up(order: FoodOrder, error: SupplierError, ctx: Context) -> None:
    retries = await ctx.state.get("retries", order.order_id, default=0)
    ctx.logger.warning("Order not placed", {"orderId": order.order_id, "retries": retries, "error": str(error)})
    if retries < MAX_RETRIES:
        await ctx.state.set("retries", order.order_id, retries + 1)
        await ctx.enqueue("process-food-order", order, delay=2**retries)
    else:
        failed = FailedOrder(**order.model_dump(), error=str(error), failed_at=ctx.now())
        await ctx.enqueue("failed-orders", failed)
        await ctx.state.delete("retries", order.order_id)
