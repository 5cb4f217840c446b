"""What staff may do to somebody's account, and doing it: nobody to themselves, support to learners.

Who acts and who is acted on are locked together, in the order of their ids, and read again under
the lock. Two administrators who demote each other at once thus cannot both succeed: the second is
none by then. As nobody acts on themselves, at least one administrator always stays.
"""

import enum
import uuid
from typing import Protocol

from sqlalchemy import delete, select, update

from app.clock import utcnow
from app.database import db
from app.domain.accounts import one_time, second_factor, sessions, users
from app.domain.accounts.models import ApiKey, Ceremony, Role, TokenPurpose, User, UserStatus
from app.domain.outbox import mail
from app.errors import Forbidden, NotFound

FACTORS_REMOVED = "Our staff removed every second factor and recovery code."


class Act(enum.StrEnum):
    SUSPEND = "suspend"
    REINSTATE = "reinstate"
    CHANGE_ROLE = "role"
    END_SESSIONS = "sign-out"
    RESET_SECOND_FACTOR = "second-factor"


FOR_SUPPORT = frozenset({Act.SUSPEND, Act.REINSTATE, Act.END_SESSIONS})


class Someone(Protocol):
    """A person, as a row or as who is signed in."""

    @property
    def id(self) -> uuid.UUID: ...

    @property
    def role(self) -> Role: ...


class Target(Someone, Protocol):
    """A person who is acted on."""

    @property
    def status(self) -> UserStatus: ...


def check(actor: Someone, target: Target, act: Act) -> None:
    """Let the act pass or raise Forbidden, which says why not."""
    if target.status is UserStatus.DELETED:
        raise Forbidden("This account was deleted; there is nothing left to change.")
    if actor.id == target.id:
        raise Forbidden("You cannot do this to your own account. Ask another administrator.")
    if actor.role is Role.ADMIN:
        return
    is_helped = actor.role is Role.SUPPORT and target.role is Role.LEARNER
    if not is_helped or act not in FOR_SUPPORT:
        raise Forbidden("Support looks after learners; roles and staff are for administrators.")


def may(actor: Someone, target: Target, act: Act) -> bool:
    """Whether `check` would let the act pass."""
    try:
        check(actor, target, act)
    except Forbidden:
        return False
    return True


def suspend(actor: Someone, user_id: uuid.UUID) -> bool:
    """Lock a person out from the next request on, however they come; False when they were.

    Raises NotFound, Forbidden.
    """
    user = _lock(actor, user_id, Act.SUSPEND)
    if user.status is UserStatus.SUSPENDED:
        return False
    users.suspend(user)
    _shut(user.id)
    one_time.withdraw(user.id, *TokenPurpose)
    _tell(user, "account_suspended")
    return True


def reinstate(actor: Someone, user_id: uuid.UUID) -> bool:
    """Let a suspended person sign in again; False when they were not. Raises NotFound, Forbidden.

    What the suspension ended stays ended.
    """
    user = _lock(actor, user_id, Act.REINSTATE)
    if user.status is UserStatus.ACTIVE:
        return False
    users.reinstate(user)
    _shut(user.id)  # a sign-in may have begun in the very moment of the suspension
    _tell(user, "account_reinstated")
    return True


def change_role(actor: Someone, user_id: uuid.UUID, role: Role) -> Role | None:
    """Give a person another role; return the one they had, None when it is the same.

    Every sign-in and key ends with the old role. Raises NotFound, Forbidden.
    """
    user = _lock(actor, user_id, Act.CHANGE_ROLE)
    before = user.role
    if before is role:
        return None
    user.role = role
    db.session.flush()
    _shut(user.id)
    _tell(user, "role_changed", role=role.value, sign_in_link=mail.absolute("/auth/sign-in"))
    return before


def end_sessions(actor: Someone, user_id: uuid.UUID) -> bool:
    """Sign a person out everywhere and revoke their API keys; False when there was nothing.

    Raises NotFound, Forbidden.
    """
    user = _lock(actor, user_id, Act.END_SESSIONS)
    if not _shut(user.id):
        return False
    _tell(user, "signed_out", sign_in_link=mail.absolute("/auth/sign-in"))
    return True


def reset_second_factor(actor: Someone, user_id: uuid.UUID) -> bool:
    """Remove a person's second factors and recovery codes and sign them out everywhere.

    False when there was none. Raises NotFound, Forbidden.
    """
    user = _lock(actor, user_id, Act.RESET_SECOND_FACTOR)
    if not second_factor.reset(user.id):
        return False
    _shut(user.id)
    _tell(
        user,
        "second_factor_changed",
        what=FACTORS_REMOVED,
        when=utcnow().isoformat(timespec="seconds"),
        security_link=mail.absolute("/account/security"),
    )
    return True


def _lock(actor: Someone, user_id: uuid.UUID, act: Act) -> User:
    statement = (
        select(User)
        .where(User.id.in_((actor.id, user_id)))
        .order_by(User.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    people = {user.id: user for user in db.session.scalars(statement)}
    user, acting = people.get(user_id), people.get(actor.id)
    if user is None:
        raise NotFound
    if acting is None or acting.status is not UserStatus.ACTIVE:
        raise Forbidden
    check(acting, user, act)
    return user


def _shut(user_id: uuid.UUID) -> bool:
    """End every sign-in, key and sign-in half done; False when there was none to end."""
    ended = sessions.end_all(user_id)
    revoked = db.session.scalars(
        update(ApiKey)
        .where(ApiKey.user_id == user_id, ApiKey.revoked_at.is_(None))
        .values(revoked_at=utcnow())
        .returning(ApiKey.id)
        .execution_options(synchronize_session=False)
    ).all()
    db.session.execute(
        delete(Ceremony)
        .where(Ceremony.user_id == user_id)
        .execution_options(synchronize_session=False)
    )
    return bool(ended or revoked)


def _tell(user: User, template: str, **context: str) -> None:
    mail.send(user.email, template, user.locale, name=user.name, **context)
