"""GET /orders/:id: an order as it is kept."""

from motia_fast import Context, Request, http, step


@step(http("GET", "/orders/:id"), name="GetOrderAPI", description="Show an order", flows=["orders"])
async def get_order(request: Request, ctx: Context) -> dict[str, object]:
    order = await ctx.state.get("orders", request.path_params["id"])
    if order is None:
        return {"status": 404, "body": {"error": "order_not_found"}}
    return {"status": 200, "body": order}
