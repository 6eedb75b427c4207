"""Sends mails. While state `settings`/`mailer` says "down" it fails, as a mail server would."""

from models import Notification

from motia_fast import Context, queue, step


@step(
    queue("notification", input=Notification, max_retries=2, backoff="fixed", backoff_delay=0.2),
    name="SendNotification",
    description="Mail a customer",
    flows=["orders"],
)
async def send_notification(mail: Notification, ctx: Context) -> None:
    if await ctx.state.get("settings", "mailer") == "down":
        raise ConnectionError("the mailer is down")
    # The same key in every attempt: a run that is repeated after a crash sends no second mail.
    await ctx.state.set("mails", f"{mail.template_id}/{mail.template_data['id']}", mail)
    ctx.logger.info("Mail sent", {"to": mail.email, "template": mail.template_id})
