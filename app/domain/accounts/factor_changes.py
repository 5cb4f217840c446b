"""Changing somebody's second factors: one change at a time, and the account says what it has."""

from uuid import UUID

from sqlalchemy import delete, exists, select

from app.clock import utcnow
from app.database import db
from app.domain.accounts.models import Passkey, RecoveryCode, User
from app.errors import NotFound


def lock(user_id: UUID) -> User:
    """Return the person whose factors are about to change. Raises NotFound.

    Removing an app and the last passkey at once, each would see the other one still there; so the
    second waits for the first.
    """
    user = db.session.scalar(
        select(User)
        .where(User.id == user_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    if user is None:
        raise NotFound
    return user


def settle(user: User) -> None:
    """Make `second_factor_added_at` agree with the facts; without a factor no code recovers one."""
    db.session.flush()
    if user.totp_confirmed_at is not None or has_passkey(user.id):
        user.second_factor_added_at = user.second_factor_added_at or utcnow()
    else:
        user.second_factor_added_at = None
        db.session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user.id))
    db.session.flush()


def has_passkey(user_id: UUID) -> bool:
    """Whether the person has added a passkey."""
    return bool(db.session.scalar(select(exists().where(Passkey.user_id == user_id))))
