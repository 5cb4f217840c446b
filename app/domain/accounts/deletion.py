"""Deleting one's account: asked for, put off for two weeks, then erased down to a nameless row."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import delete, func, select, update

from app.clock import utcnow
from app.database import db
from app.domain.accounts.emails import normalise_email
from app.domain.accounts.models import (
    ApiKey,
    Ceremony,
    DataExport,
    LoginSession,
    OneTimeToken,
    Passkey,
    RecoveryCode,
    Role,
    User,
    UserStatus,
)
from app.errors import DeletionRefused, InvalidInput

GRACE = timedelta(days=14)
NAME_OF_NOBODY = "Deleted account"
BATCH = 100


@dataclass(frozen=True, slots=True)
class Erased:
    """Who was erased, as far as their last mail needs it."""

    email: str
    name: str
    locale: str | None
    timezone: str | None


def require_dispensable(user: User) -> None:
    """Pass unless this is the last administrator who can sign in. Raises DeletionRefused.

    The administrators' rows are locked, so that two of them who leave at once do not both pass.
    """
    if user.role is not Role.ADMIN:
        return
    admins = db.session.scalars(
        select(User.id)
        .where(User.role == Role.ADMIN, User.status == UserStatus.ACTIVE)
        .order_by(User.id)
        .with_for_update(key_share=True)
    ).all()
    if all(admin_id == user.id for admin_id in admins):
        raise DeletionRefused(
            "You are the only administrator. Make somebody else one first, then come back to "
            "delete your account."
        )


def request(user: User, typed_email: str) -> datetime | None:
    """Put a person's deletion two weeks ahead; return when, None when it was asked for already.

    Raises InvalidInput unless the person typed their own address.
    """
    if normalise_email(typed_email) != normalise_email(user.email):
        raise InvalidInput({"email": "Type the e-mail address of your account to confirm."})
    due = utcnow() + GRACE
    return due if _set_due(user, due, was_due=False) else None


def cancel(user: User) -> bool:
    """Keep the account after all; False when nothing was asked for."""
    return _set_due(user, None, was_due=True)


def list_due() -> list[uuid.UUID]:
    """Return some people whose two weeks are over, the longest waiting first."""
    due = (
        select(User.id)
        .where(User.deletion_due_at <= utcnow(), User.status != UserStatus.DELETED)
        .order_by(User.deletion_due_at)
        .limit(BATCH)
    )
    return list(db.session.scalars(due))


def get_due(user_id: uuid.UUID) -> User | None:
    """Return and lock a person if they are to be erased now; they may have changed their mind."""
    return db.session.scalar(
        select(User)
        .where(
            User.id == user_id,
            User.deletion_due_at <= utcnow(),
            User.status != UserStatus.DELETED,
        )
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )


def erase(user: User) -> Erased:
    """Take everything personal from an account and end its sign-ins; the row stays, nobody's.

    What others need of it (enrollments, later orders) keeps referring to the row.
    """
    erased = Erased(user.email, user.name, user.locale, user.timezone)
    now = utcnow()
    for table in (ApiKey, Passkey, RecoveryCode, OneTimeToken, Ceremony, DataExport):
        db.session.execute(
            delete(table)
            .where(table.user_id == user.id)
            .execution_options(synchronize_session=False)
        )
    db.session.execute(
        update(LoginSession)
        .where(LoginSession.user_id == user.id)
        .values(
            revoked_at=func.coalesce(LoginSession.revoked_at, now), user_agent=None, ip_address=None
        )
        .execution_options(synchronize_session=False)
    )
    user.email = f"deleted-{uuid.uuid4()}@deleted.invalid"
    user.name = NAME_OF_NOBODY
    user.status = UserStatus.DELETED
    user.role = Role.LEARNER
    user.headline = user.bio = user.locale = user.timezone = None
    user.playback_rate = Decimal("1.00")
    user.password_hash = None
    user.email_verified_at = None
    user.second_factor_added_at = None
    user.totp_sealed = user.totp_confirmed_at = user.totp_counter = None
    user.deletion_due_at = None
    db.session.flush()
    return erased


def _set_due(user: User, due: datetime | None, *, was_due: bool) -> bool:
    """Move the deletion, unless another request has just done so; True when this one did."""
    is_due = User.deletion_due_at.is_not(None)
    moved = db.session.scalar(
        update(User)
        .where(
            User.id == user.id,
            User.status == UserStatus.ACTIVE,
            is_due if was_due else ~is_due,
        )
        .values(deletion_due_at=due)
        .returning(User.id)
        .execution_options(synchronize_session=False)
    )
    db.session.refresh(user)
    return moved is not None
