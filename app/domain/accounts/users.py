"""People as rows: looking one up, counting them, suspending one."""

import uuid
from dataclasses import dataclass

from sqlalchemy import func, select

from app.database import db
from app.domain.accounts import sessions
from app.domain.accounts.emails import normalise_email
from app.domain.accounts.models import Role, User, UserStatus
from app.errors import NotFound


@dataclass(frozen=True, slots=True)
class UserCounts:
    """How many people there are, by what they may do; `suspended` ones are in their role too."""

    total: int
    learners: int
    staff: int
    suspended: int


def get_user(user_id: uuid.UUID) -> User:
    """Return a person. Raises NotFound."""
    user = db.session.get(User, user_id)
    if user is None:
        raise NotFound
    return user


def find_by_email(email: str) -> User | None:
    """Return the person with this address, however it is spelled, or None."""
    if "\0" in email:  # which PostgreSQL's text cannot hold, so nobody has it
        return None
    return db.session.scalar(select(User).where(User.email == normalise_email(email)))


def count_users() -> UserCounts:
    """Count the people (administration only: it reads the whole table)."""
    total, learners, suspended = db.session.execute(
        select(
            func.count(),
            func.count().filter(User.role == Role.LEARNER),
            func.count().filter(User.status == UserStatus.SUSPENDED),
        ).select_from(User)
    ).one()
    return UserCounts(total, learners, total - learners, suspended)


def suspend(user: User) -> int:
    """Lock a person out from the next request on; return how many sign-ins that ended."""
    user.status = UserStatus.SUSPENDED
    db.session.flush()
    return sessions.end_all(user.id)


def reinstate(user: User) -> None:
    """Let a suspended person sign in again."""
    user.status = UserStatus.ACTIVE
    db.session.flush()
