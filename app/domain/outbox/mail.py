"""Outgoing mail: queued in the transaction of its cause, so no commit means no mail."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urljoin

from sqlalchemy import and_, delete, func, or_, select, tuple_

from app.clock import utcnow
from app.config import Environment
from app.current import settings
from app.database import db
from app.domain.outbox import jobs, letters
from app.domain.outbox.models import Mail
from app.errors import NotFound

SEND_TASK = "mail.send"
MAIL_QUEUE = "mail"
# Eight attempts over about a day; who has a short outage is served within minutes.
WAITS = tuple(timedelta(minutes=m) for m in (1, 5, 15, 60, 180, 480, 720))
MAX_ATTEMPTS = len(WAITS) + 1
KEPT_FOR = timedelta(days=30)
SWEEP_ROWS = 1000
PAGE_SIZE = 50
Value = str | int | bool


@dataclass(frozen=True)
class Standing:
    """How mail stands; `last_error` is of the newest mail in trouble."""

    waiting: int
    waiting_since: datetime | None
    sent: int
    given_up: int
    last_error: str | None


def send(to: str, template: str, locale: str | None = None, **context: Value) -> None:
    """Queue one mail of `template` (a folder of templates/email) to one address.

    `context` is what the template shows; links come from `absolute`, times are ISO 8601 and are
    shown in the reader's own form. Raises LookupError and TypeError for what can never be sent.
    """
    mail = write(to, template, locale, **context)
    jobs.enqueue(SEND_TASK, queue=MAIL_QUEUE, mail_id=str(mail.id))


def write(to: str, template: str, locale: str | None = None, **context: Value) -> Mail:
    """Add one mail that nothing sends yet; `send` does both. Raises LookupError, TypeError."""
    if missing := letters.wanted(template) - set(context):
        raise TypeError(f"the mail {template} needs: {', '.join(sorted(missing))}")
    mail = Mail(to_email=to, template=template, locale=locale, context=context)
    db.session.add(mail)
    db.session.flush()
    return mail


def absolute(path: str) -> str:
    """Return the address of `path` on this site; never built from a request's Host header."""
    return urljoin(settings.public_base_url.rstrip("/") + "/", path.lstrip("/"))


def begin(mail_id: uuid.UUID) -> Mail | None:
    """Count one more attempt at a mail; None when it is gone, sent or given up already."""
    mail = db.session.get(Mail, mail_id, with_for_update=True, populate_existing=True)
    if mail is None or mail.sent_at or mail.failed_at:
        return None
    if mail.attempts >= MAX_ATTEMPTS:
        give_up(mail, "The worker was lost in the last attempt.")
        return None
    mail.attempts += 1
    db.session.flush()
    return mail


def finish(mail: Mail) -> None:
    """Say that the mail has been handed over, and forget what was in it."""
    mail.sent_at = utcnow()
    mail.last_error = None
    _forget_content(mail)


def postpone(mail: Mail, reason: str) -> timedelta | None:
    """Say why an attempt failed; return when the next is due, None after the last."""
    mail.last_error = reason
    if mail.attempts < MAX_ATTEMPTS:
        return WAITS[mail.attempts - 1]
    give_up(mail, reason)
    return None


def give_up(mail: Mail, reason: str) -> None:
    """Say that the mail will never be sent, and forget what was in it."""
    mail.last_error = reason
    mail.failed_at = utcnow()
    _forget_content(mail)


def is_shown() -> bool:
    """Whether this installation shows its outbox to everybody: in the demo, in development."""
    return settings.app_env in (Environment.DEMO, Environment.DEVELOPMENT)


def _forget_content(mail: Mail) -> None:
    if not is_shown():
        mail.context = {}


def list_newest(before: uuid.UUID | None = None, to: str = "") -> Sequence[Mail]:
    """Return a page of mails and one more, newest first, behind `before`, to addresses like `to`.

    Raises NotFound when there is no mail `before`.
    """
    query = select(Mail).order_by(Mail.created_at.desc(), Mail.id.desc()).limit(PAGE_SIZE + 1)
    if to:
        query = query.where(func.lower(Mail.to_email).contains(to.lower(), autoescape=True))
    if before:
        last = get(before)
        query = query.where(tuple_(Mail.created_at, Mail.id) < (last.created_at, last.id))
    return db.session.scalars(query).all()


def get(mail_id: uuid.UUID) -> Mail:
    """Return a mail. Raises NotFound."""
    mail = db.session.get(Mail, mail_id)
    if mail is None:
        raise NotFound
    return mail


def standing() -> Standing:
    """Return how mail stands: what waits, what went and what was given up within a day."""
    since = utcnow() - timedelta(days=1)
    is_waiting = and_(Mail.sent_at.is_(None), Mail.failed_at.is_(None))
    # Each by its own index; one pass over all mails would read a month of them.
    numbers = (
        select(func.count(Mail.id)).where(is_waiting),
        select(func.min(Mail.created_at)).where(is_waiting),
        select(func.count(Mail.id)).where(Mail.sent_at >= since),
        select(func.count(Mail.id)).where(Mail.failed_at >= since),
    )
    counts = select(*(number.scalar_subquery() for number in numbers))
    troubled = (
        select(Mail.last_error)
        .where(Mail.last_error.is_not(None))
        .order_by(Mail.created_at.desc())
        .limit(1)
    )
    waiting, oldest, sent, failed = db.session.execute(counts).one()
    return Standing(waiting, oldest, sent, failed, db.session.scalar(troubled))


def forget_old() -> int:
    """Delete some mails that were sent, or given up, a month ago; return how many went."""
    ended_before = utcnow() - KEPT_FOR
    old = (
        select(Mail.id)
        .where(
            Mail.created_at < ended_before,  # the one with an index
            or_(Mail.sent_at < ended_before, Mail.failed_at < ended_before),
        )
        .limit(SWEEP_ROWS)
    )
    gone = db.session.execute(
        delete(Mail).where(Mail.id.in_(old)), execution_options={"synchronize_session": False}
    )
    return int(gone.rowcount)  # type: ignore[attr-defined]
