"""Keeps what could not be placed, for somebody to look at."""

from models import Alert, FailedOrder

from motia_fast import Context, queue, step


@step(
    queue("failed-orders", input=FailedOrder),
    name="HandleFailedOrders",
    description="Process orders that failed after max retries",
    enqueues=["alert-admin"],
    flows=["error-handling"],
)
async def handle_failed_orders(order: FailedOrder, ctx: Context) -> None:
    ctx.logger.error("Order permanently failed", {"orderId": order.order_id, "error": order.error})
    kept = order.model_dump(mode="json") | {"needsManualReview": True}
    await ctx.state.set("failed-orders", order.order_id, kept)
    alert = Alert(type="order-failure", order_id=order.order_id, customer_email=order.email, error=order.error)
    await ctx.enqueue("alert-admin", alert)
