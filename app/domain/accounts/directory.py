"""People as the staff looks them up: by name or address, newest first, and what one of them has."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Text, cast, func, or_, select, tuple_

from app.database import db
from app.domain.accounts.models import LoginSession, Role, SessionKind, User, UserStatus
from app.errors import NotFound


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whom a list shows; `text` is a part of a name or an address, or a whole id."""

    text: str = ""
    role: Role | None = None
    status: UserStatus | None = None


@dataclass(frozen=True, slots=True)
class PersonRow:
    """A person as a table shows them. `last_seen_at` counts browsers only, to the minute."""

    id: uuid.UUID
    name: str
    email: str
    role: Role
    status: UserStatus
    created_at: datetime
    email_verified_at: datetime | None
    second_factor_added_at: datetime | None
    last_seen_at: datetime | None


@dataclass(frozen=True, slots=True)
class PersonName:
    """Who stands behind an id."""

    name: str
    email: str


_LAST_SEEN = (
    select(func.max(LoginSession.last_seen_at))
    .where(LoginSession.user_id == User.id, LoginSession.kind == SessionKind.BROWSER)
    .correlate(User)
    .scalar_subquery()
)
_PEOPLE = select(
    User.id,
    User.name,
    User.email,
    User.role,
    User.status,
    User.created_at,
    User.email_verified_at,
    User.second_factor_added_at,
    _LAST_SEEN.label("last_seen_at"),
)


def list_people(
    wanted: Wanted, after: tuple[datetime, uuid.UUID] | None, limit: int
) -> list[PersonRow]:
    """Return the people that fit, newest first, those behind the position `after`."""
    statement = _PEOPLE.order_by(User.created_at.desc(), User.id.desc()).limit(limit)
    if wanted.text:
        statement = statement.where(_matches(wanted.text))
    if wanted.role is not None:
        statement = statement.where(User.role == wanted.role)
    if wanted.status is not None:
        statement = statement.where(User.status == wanted.status)
    if after is not None:
        statement = statement.where(tuple_(User.created_at, User.id) < tuple_(*after))
    return [PersonRow(**row._asdict()) for row in db.session.execute(statement)]


def get_person(user_id: uuid.UUID) -> PersonRow:
    """Return one person. Raises NotFound."""
    row = db.session.execute(_PEOPLE.where(User.id == user_id)).first()
    if row is None:
        raise NotFound
    return PersonRow(**row._asdict())


def names_of(user_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, PersonName]:
    """Return name and address by id; ids of nobody are left out."""
    rows = db.session.execute(select(User.id, User.name, User.email).where(User.id.in_(user_ids)))
    return {row.id: PersonName(row.name, row.email) for row in rows}


def _matches(text: str) -> ColumnElement[bool]:
    """A part of the name or address in any case; what LIKE reads as a pattern counts as text."""
    try:
        return User.id == uuid.UUID(text)
    except ValueError:
        pass
    email = cast(User.email, Text)
    return or_(User.name.icontains(text, autoescape=True), email.icontains(text, autoescape=True))
