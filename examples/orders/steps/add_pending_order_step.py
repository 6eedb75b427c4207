"""POST /pending-orders: an order that can wait for the next batch."""

from models import NewPendingOrder

from motia_fast import Context, Request, http, step


@step(
    http("POST", "/pending-orders", body_schema=NewPendingOrder),
    name="AddPendingOrderAPI",
    description="Keep an order for the next batch",
    flows=["batch-processing"],
)
async def add_pending_order(request: Request[NewPendingOrder], ctx: Context) -> dict[str, object]:
    order = {"id": ctx.new_id("order"), "amount": request.model.amount, "status": "pending"}
    await ctx.state.set("pending-orders", str(order["id"]), order)
    return {"status": 201, "body": order}
