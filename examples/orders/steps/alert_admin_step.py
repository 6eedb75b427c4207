"""Tells an administrator: here by a line in the log, and a note in state."""

from models import Alert

from motia_fast import Context, queue, step


@step(
    queue("alert-admin", input=Alert),
    name="AlertAdmin",
    description="Alert administrators",
    flows=["error-handling"],
)
async def alert_admin(alert: Alert, ctx: Context) -> None:
    ctx.logger.error("Look at this order", {"orderId": alert.order_id, "error": alert.error})
    await ctx.state.set("alerts", alert.order_id, alert)
