"""Mails with a link that depend on who has an address: decided here, where nobody times it."""

from uuid import UUID

from app.database import db
from app.domain.accounts import recovery, verification


def answer_sign_up(user_id: UUID, *, is_new: bool, locale: str | None) -> None:
    """Mail whoever signed up, or was signed up again."""
    verification.answer_sign_up(user_id, is_new=is_new, locale=locale)
    db.session.commit()


def send_reset_link(user_id: UUID, locale: str | None) -> None:
    """Mail a link that sets a new password, if there is such a person."""
    recovery.send_link(user_id, locale)
    db.session.commit()
