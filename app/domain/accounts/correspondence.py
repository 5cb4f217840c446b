"""What a queued mail says to the person it goes to."""

from sqlalchemy import select

from app.database import db
from app.domain.accounts.models import User
from app.domain.outbox import letters
from app.domain.outbox.letters import Letter
from app.domain.outbox.models import Mail


def letter_of(mail: Mail) -> Letter:
    """Return the letter of `mail`, times in its reader's zone. Raises MailRefused."""
    zone = db.session.scalar(select(User.timezone).where(User.email == mail.to_email))
    return letters.render(mail.template, mail.locale, zone, mail.context)
