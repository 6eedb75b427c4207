"""Hands on what is pending, every five minutes.

There is no `try` around an order: a tick is a job like any other, so what fails is tried again, and what was handed on
before is no longer pending then.
"""

from models import ProcessedOrder

from motia_fast import Context, cron, step


@step(
    cron("*/5 * * * *"),
    name="BatchOrderProcessor",
    description="Process pending orders in batches",
    enqueues=["order.processed"],
    flows=["batch-processing"],
)
async def batch_order_processor(ctx: Context) -> None:
    pending = await ctx.state.list("pending-orders")
    for order in pending:
        await ctx.enqueue(
            "order.processed", ProcessedOrder(order_id=order["id"], amount=order["amount"], source="batch")
        )
        await ctx.state.delete("pending-orders", order["id"])
    ctx.logger.info("Batch processing complete", {"processed": len(pending)})
