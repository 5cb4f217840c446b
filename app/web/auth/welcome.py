"""Signing up, for the page and its JSON twin."""

from flask_babel import get_locale

from app.database import db
from app.domain.accounts import registration
from app.domain.audit.actions import Action
from app.errors import InvalidInput, TooManyRequests
from app.web import audit
from app.web.auth import limits


def welcome(email: str, password: str, name: str) -> None:
    """Add an account, or do as if: either way the address gets a mail, and the trail a row.

    Raises InvalidInput, RateLimitExceeded, TooManyRequests.
    """
    limits.SIGN_UP.count(email=email)
    try:
        done = registration.register(email, password, name, get_locale().language)
    except (InvalidInput, TooManyRequests):
        limits.give_back()
        raise
    action = Action.SIGNED_UP if done.is_new else Action.SIGN_UP_REPEATED
    audit.note(action, subject=done.user_id)
    db.session.commit()
