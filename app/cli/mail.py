"""`flask mail`: tries out what sends this installation's mail."""

import click
from flask.cli import AppGroup

from app.config import MailKind
from app.current import settings
from app.database import db
from app.domain.outbox import mail as outbox
from app.worker.mail import deliver
from app.worker.retries import RunAgain

mail = AppGroup("mail", help="Mail and what sends it.")


@mail.command("test")
@click.argument("address")
@click.option("--language", default=None, help="The language of the mail.")
def send_test(address: str, language: str | None) -> None:
    """Send a test mail to ADDRESS at once, and say what came of it."""
    mail_id = outbox.write(address, "test", language, name="").id
    db.session.commit()
    try:
        deliver(mail_id)
    except RunAgain:  # no job waits for it, so this was its only attempt
        written = outbox.get(mail_id)
        outbox.give_up(written, written.last_error or "")
        db.session.commit()
    written = outbox.get(mail_id)
    if written.sent_at is None:
        raise click.ClickException(written.last_error or "The mail was not sent.")
    if settings.mail_kind is MailKind.OUTBOX:
        click.echo(f"Nothing sends mail here; it is shown at {outbox.absolute('/outbox')}")
    else:
        click.echo(f"Handed over by {settings.mail_kind.value}; look whether it arrives.")


@mail.command("status")
def show_status() -> None:
    """Say what waits, what went and what was given up within a day."""
    standing = outbox.standing()
    since = f" (the oldest since {standing.waiting_since:%F %R} UTC)" if standing.waiting else ""
    click.echo(f"by {settings.mail_kind.value}: {standing.waiting} waiting{since}")
    click.echo(f"in the last day {standing.sent} sent, {standing.given_up} given up")
    if standing.last_error:
        click.echo(f"last error: {standing.last_error}")
