"""Trying out what sends this installation's mail: one mail, handed over at once."""

import uuid

from app.config import MailKind
from app.current import integrations, settings
from app.domain.outbox import letters, mail
from app.domain.site import choices
from app.integrations.mailer import Message

TEMPLATE = "test"


def compose_test(to: str, locale: str | None, name: str) -> Message:
    """Return a test mail to `to`; reading what it needs is over by then."""
    letter = letters.render(TEMPLATE, locale, None, {"name": name})
    key = str(uuid.uuid4())
    name_of_site = choices.current().name
    return Message(key, to, letter.subject, letter.text, letter.html, letter.language, name_of_site)


def hand_over(message: Message) -> None:
    """Hand a test mail over while no transaction is open. Raises MailFailed, MailRefused."""
    integrations.mailer.send(message)


def is_kept() -> bool:
    """Whether mail stays in the outbox, where this installation shows it."""
    return settings.mail_kind is MailKind.OUTBOX and mail.is_shown()
