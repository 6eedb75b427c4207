"""All the other orders. Without the condition, large ones would be shipped twice: each step gets its own job."""

from models import CreatedOrder

from motia_fast import Context, F, queue, step


@step(
    queue("order.created", input=CreatedOrder, condition=~(F.amount > 1000)),
    name="ProcessOrders",
    description="Ship ordinary orders",
    flows=["shipping"],
)
async def process_orders(order: CreatedOrder, ctx: Context) -> None:
    await ctx.state.set("shipments", order.order_id, {"service": "standard", "amount": order.amount})
