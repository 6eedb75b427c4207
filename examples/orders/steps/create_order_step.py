"""POST /orders: accepts an order, and leaves the work to the background."""

from models import FoodOrder, NewOrder

from motia_fast import Context, Request, http, step


@step(
    http("POST", "/orders", body_schema=NewOrder),
    name="CreateOrderAPI",
    description="Accept an order",
    enqueues=["process-food-order"],
    flows=["orders"],
)
async def create_order(request: Request[NewOrder], ctx: Context) -> dict[str, object]:
    order = FoodOrder(order_id=ctx.new_id("order"), **request.model.model_dump())
    ctx.logger.info("Order received", {"orderId": order.order_id})
    await ctx.enqueue("process-food-order", order)
    return {  # it leaves when the order is on the disk
        "status": 202,
        "headers": {"Location": f"/orders/{order.order_id}"},
        "body": {"message": "Order received and is being processed", "status": "pending"},
    }
