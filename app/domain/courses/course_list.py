"""The list of courses in any state, as staff narrows it; an instructor is shown their own."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, or_, tuple_

from app.database import db
from app.domain.accounts.models import User
from app.domain.courses.builder import FACTS
from app.domain.courses.built import CourseFacts
from app.domain.courses.charge import own_courses
from app.domain.courses.models import Course, CourseStatus


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which courses a list shows; `q` is a part of a title, an address or a teacher's name."""

    q: str = ""
    status: CourseStatus | None = None
    category_id: uuid.UUID | None = None


def list_courses(
    owner_id: uuid.UUID | None,
    wanted: Wanted,
    after: tuple[datetime, uuid.UUID] | None,
    limit: int,
) -> list[CourseFacts]:
    """Return the courses that fit, newest first, those behind the position `after`."""
    statement = FACTS.where(own_courses(owner_id))
    if wanted.q:
        statement = statement.where(_matches(wanted.q))
    if wanted.status is not None:
        statement = statement.where(Course.status == wanted.status)
    if wanted.category_id is not None:
        statement = statement.where(Course.category_id == wanted.category_id)
    if after is not None:
        statement = statement.where(tuple_(Course.created_at, Course.id) < tuple_(*after))
    statement = statement.order_by(Course.created_at.desc(), Course.id.desc()).limit(limit)
    return [CourseFacts(**row._asdict()) for row in db.session.execute(statement)]


def _matches(text: str) -> ColumnElement[bool]:
    """A part of what a course is known by, in any case; what LIKE reads as a pattern is text."""
    try:
        return Course.id == uuid.UUID(text)
    except ValueError:
        pass
    columns = (Course.title, Course.slug, User.name)
    return or_(*(column.icontains(text, autoescape=True) for column in columns))
