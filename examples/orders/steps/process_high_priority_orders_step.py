"""Orders of more than 1000 go first."""

from models import CreatedOrder

from motia_fast import Context, F, queue, step


@step(
    queue("order.created", input=CreatedOrder, condition=F.amount > 1000, priority=9),
    name="ProcessHighPriorityOrders",
    description="Ship large orders by express",
    flows=["shipping"],
)
async def process_high_priority_orders(order: CreatedOrder, ctx: Context) -> None:
    await ctx.state.set("shipments", order.order_id, {"service": "express", "amount": order.amount})
