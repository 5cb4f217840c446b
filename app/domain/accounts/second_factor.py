"""The second factor as a whole: who needs one, what somebody has, and does this code prove it?"""

import enum
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from sqlalchemy import delete, select

from app.config import RequireMfa
from app.current import settings
from app.database import db
from app.domain.accounts import factor_changes, recovery_codes, totp
from app.domain.accounts.models import Passkey, Role, User
from app.domain.accounts.sessions import STAFF_ROLES
from app.errors import Forbidden

KEEP_ONE = "Your role needs a second factor. Add another one before you remove this one."


class Proof(enum.StrEnum):
    """What showed that somebody is who they say."""

    PASSWORD = "password"  # noqa: S105 - a name
    TOTP = "totp"
    RECOVERY_CODE = "recovery_code"
    PASSKEY = "passkey"


class Someone(Protocol):
    """A person, as a row or as who is signed in."""

    @property
    def id(self) -> UUID: ...


@dataclass(frozen=True, slots=True)
class Factors:
    """What somebody has added, for their own eyes."""

    totp_confirmed_at: datetime | None
    passkeys: list[Passkey]
    recovery_codes_left: int

    @property
    def is_empty(self) -> bool:
        """Whether there is no second factor at all."""
        return self.totp_confirmed_at is None and not self.passkeys


def is_required(role: Role) -> bool:
    """Whether people of this role must have a second factor."""
    concerned = settings.second_factor_for
    return concerned is RequireMfa.ALL or (concerned is RequireMfa.STAFF and role in STAFF_ROLES)


def check(person: Someone, code: str) -> bool:
    """Whether `code` is the app's or an unused recovery code; it is used up."""
    return prove(person.id, code) is not None


def prove(user_id: UUID, code: str) -> Proof | None:
    """Use `code` up and return what it was, None when it proves nothing."""
    if totp.tidy(code) is not None:
        return Proof.TOTP if totp.accept(user_id, code) else None
    return Proof.RECOVERY_CODE if recovery_codes.use(user_id, code) else None


def factors_of(user_id: UUID) -> Factors:
    """Return what somebody has added, the oldest passkey first."""
    confirmed_at = db.session.scalar(select(User.totp_confirmed_at).where(User.id == user_id))
    keys = select(Passkey).where(Passkey.user_id == user_id)
    return Factors(
        totp_confirmed_at=confirmed_at,
        passkeys=list(db.session.scalars(keys.order_by(Passkey.created_at, Passkey.id))),
        recovery_codes_left=recovery_codes.count_left(user_id),
    )


def remove_totp(user_id: UUID) -> bool:
    """Remove the authenticator app; False when there is none. Raises Forbidden for a last one."""
    user = factor_changes.lock(user_id)
    if user.totp_confirmed_at is None:
        return False
    totp.forget(user)
    _settle_removal(user)
    return True


def remove_passkey(user_id: UUID, passkey_id: UUID) -> str | None:
    """Remove a passkey and return its name, None when there is none of this id.

    Raises Forbidden when it is the last factor of somebody who needs one.
    """
    user = factor_changes.lock(user_id)
    name = db.session.scalar(
        delete(Passkey)
        .where(Passkey.id == passkey_id, Passkey.user_id == user_id)
        .returning(Passkey.name)
        .execution_options(synchronize_session=False)
    )
    if name is not None:
        _settle_removal(user)
    return name


def reset(user_id: UUID) -> bool:
    """Remove every factor and recovery code (for staff, on request); False when none was there."""
    user = factor_changes.lock(user_id)
    had_one = user.second_factor_added_at is not None
    totp.forget(user)
    db.session.execute(
        delete(Passkey)
        .where(Passkey.user_id == user_id)
        .execution_options(synchronize_session=False)
    )
    factor_changes.settle(user)
    return had_one


def _settle_removal(user: User) -> None:
    factor_changes.settle(user)
    if user.second_factor_added_at is None and is_required(user.role):
        raise Forbidden(KEEP_ONE)
