"""Brings in the demo's accounts."""

import uuid
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import select

from app.clock import utcnow
from app.database import db
from app.demo.content import Person
from app.domain.accounts.models import User
from app.domain.accounts.passwords import hash_password

PASSWORD = "correct-horse-demo"  # noqa: S105 - printed on the demo's first screen
JOINED_DAYS_AGO = 200


def add_people(people: Sequence[Person]) -> tuple[dict[str, User], int]:
    """Add the accounts that are missing; return all of them by e-mail and how many are new.

    Extra learners have no password, so nobody can sign in as them.
    """
    emails = [person.email for person in people]
    found = db.session.scalars(select(User).where(User.email.in_(emails)))
    users = {user.email: user for user in found}
    missing = [person for person in people if person.email not in users]
    # One hash for all: the password is public anyway, and each hash costs a tenth of a second.
    signs_in = any(person.signs_in for person in missing)
    password_hash = hash_password(PASSWORD) if signs_in else None
    joined = utcnow() - timedelta(days=JOINED_DAYS_AGO)
    for index, person in enumerate(missing):
        user = User(
            id=uuid.uuid4(),
            email=person.email,
            name=person.name,
            role=person.role,
            password_hash=password_hash if person.signs_in else None,
            headline=person.headline,
            bio=person.bio,
            created_at=joined + timedelta(days=2 * index, hours=index % 9),
            email_verified_at=joined + timedelta(days=2 * index, hours=10),
        )
        db.session.add(user)
        users[person.email] = user
    db.session.flush()
    return users, len(missing)
