"""Outgoing mail: queued in the transaction of its cause, so no commit means no mail."""

from urllib.parse import urljoin

from app.current import settings
from app.database import db
from app.domain.outbox import jobs
from app.domain.outbox.models import Mail

SEND_TASK = "mail.send"
MAIL_QUEUE = "mail"
Value = str | int | bool


def send(to: str, template: str, locale: str | None = None, **context: Value) -> None:
    """Queue one mail of `template` (a folder of templates/email) to one address.

    `context` is what the template shows; links come from `absolute`.
    """
    mail = Mail(to_email=to, template=template, locale=locale, context=context)
    db.session.add(mail)
    db.session.flush()
    jobs.enqueue(SEND_TASK, queue=MAIL_QUEUE, mail_id=str(mail.id))


def absolute(path: str) -> str:
    """Return the address of `path` on this site; never built from a request's Host header."""
    return urljoin(settings.public_base_url.rstrip("/") + "/", path.lstrip("/"))
