"""Forgets orders after 30 days."""

from datetime import datetime, timedelta

from motia_fast import Context, cron, step

KEPT = timedelta(days=30)


@step(
    cron("0 0 * * *"),
    name="PeriodicCleanup",
    description="Clean up old orders every day at midnight",
    flows=["maintenance"],
)
async def periodic_cleanup(ctx: Context) -> None:
    oldest = ctx.now() - KEPT
    deleted = 0
    async for key, order in ctx.state.scan("orders"):
        if datetime.fromisoformat(order["createdAt"]) < oldest:
            await ctx.state.delete("orders", key)
            deleted += 1
    ctx.logger.info("Cleanup complete", {"deletedCount": deleted})
