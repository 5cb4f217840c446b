"""What the tests of both modules ask an application with a replica."""

import uuid
from typing import Any

from flask import Flask
from sqlalchemy import text

from app.database import db
from app.domain.accounts.models import Role
from app.domain.courses.models import Course
from app.replica import Replica
from app.web.reading import EXTENSION
from tests import factories

HERE = text("SELECT pg_is_in_recovery()")


def replica_of(site: Flask) -> Replica:
    """Return the replica as the application sees it."""
    found = site.extensions[EXTENSION]
    assert isinstance(found, Replica)
    return found


def is_on_replica() -> bool:
    """Whether this session reads from a replica."""
    return bool(db.session.execute(HERE).scalar_one())


def is_read(site: Flask, written: int = 0) -> bool:
    """Whether a read that needs `written` is answered by the replica."""
    with site.app_context():
        return replica_of(site).read(is_on_replica, written)


def make_course(**values: Any) -> Course:
    """Add a course on the primary."""
    course = factories.make_course(factories.make_user(Role.INSTRUCTOR), **values)
    db.session.commit()
    return course


def a_title() -> str:
    """Return a title that no other course has."""
    return f"Weaving {uuid.uuid4().hex[:8]}"
