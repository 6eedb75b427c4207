"""Keeps the books: each processed order once."""

from models import ProcessedOrder

from motia_fast import Context, queue, step


@step(
    queue("order.processed", input=ProcessedOrder),
    name="RecordProcessedOrder",
    description="Note processed orders",
    flows=["batch-processing"],
)
async def record_processed_order(order: ProcessedOrder, ctx: Context) -> None:
    await ctx.state.set("processed-orders", order.order_id, order)
