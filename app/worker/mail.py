"""The mail job: writes one mail in its reader's language, hands it over, commits what became of it.

No address, link or vendor's word reaches the log; the mail's row keeps what the vendor said.
"""

import logging
import traceback
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from app.config import MailKind
from app.current import integrations, settings
from app.database import db
from app.domain.accounts.correspondence import letter_of
from app.domain.outbox import mail as outbox
from app.domain.site import choices
from app.errors import MailFailed, MailRefused
from app.integrations.mailer import Message
from app.observability import request_id
from app.worker.locks import held
from app.worker.retries import RunAgain

log = logging.getLogger("worker.mail")


def deliver(mail_id: UUID) -> None:
    """Send one mail, unless it was sent or given up before. Raises RunAgain when it has to wait.

    At least once: a worker killed after the vendor took the mail and before the commit leaves it
    as not sent, and the next worker sends it again. Its Message-ID is then the same, by which
    most receivers show one of the two only.
    """
    with held(mail_id):
        wait = _attempt(mail_id)
    if wait is not None:
        raise RunAgain("the mail could not be handed over", wait)


def _attempt(mail_id: UUID) -> timedelta | None:
    """Try once; return how long to wait for the next attempt, None when there is none."""
    mail = outbox.begin(mail_id)
    _commit()  # so that an attempt that kills the worker counts
    if mail is None:
        return None
    try:
        integrations.mailer.send(_message(mail_id))
    except MailRefused as error:
        _give_up(mail_id, error)
        return None
    except MailFailed as error:
        return _postpone(mail_id, error.code, error.detail)
    except Exception as error:  # noqa: BLE001 - a mail that breaks us must not be tried for ever
        db.session.rollback()
        fault = _without_words(error)
        return _postpone(mail_id, fault, f"The mail could not be made: {fault}.")
    mail = outbox.get(mail_id)
    outbox.finish(mail)
    log.info("sent %s, attempt %d (mail %s)", mail.template, mail.attempts, mail_id)
    _commit()
    return None


def _message(mail_id: UUID) -> Message:
    """Write the letter, and give the connection back before a vendor is asked."""
    mail = outbox.get(mail_id)
    letter = letter_of(mail)
    message = Message(
        key=str(mail.id),
        to=mail.to_email,
        subject=letter.subject,
        text=letter.text,
        html=letter.html,
        language=letter.language,
        site_name=choices.current().name,
        request_id=request_id(),
    )
    _commit()
    return message


def _without_words(error: Exception) -> str:
    """Return what broke and where; the words of an unknown error may hold an address."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {Path(place.filename).name}, line {place.lineno}"


def _give_up(mail_id: UUID, error: MailRefused) -> None:
    mail = outbox.get(mail_id)
    outbox.give_up(mail, error.detail)
    log.warning("gave up on %s: %s (mail %s)", mail.template, error.code, mail_id)
    _commit()


def _postpone(mail_id: UUID, code: str, reason: str) -> timedelta | None:
    mail = outbox.get(mail_id)
    wait = outbox.postpone(mail, reason)
    became = "gave up on" if wait is None else "could not send"
    log.warning("%s %s: %s (mail %s)", became, mail.template, code, mail_id)
    _commit()
    return wait


def forget_old() -> int:
    """Delete mails that ended a month ago, a batch a transaction; return how many went."""
    total = 0
    while gone := outbox.forget_old():
        db.session.commit()
        total += gone
    db.session.rollback()
    return total


def warn_of_outbox() -> None:
    """Say at the start of a production worker that mail reaches nobody, when that is so."""
    if settings.is_production and settings.mail_kind is MailKind.OUTBOX:
        log.warning("no mail is sent: set SMTP_URL, SENDGRID_API_KEY or AWS_SES_REGION")


def _commit() -> None:
    db.session.commit()
    db.session.remove()
