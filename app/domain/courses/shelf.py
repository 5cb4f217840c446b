"""A learner's own courses, the ones watched last first."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, literal, select

from app.clock import utcnow
from app.database import db
from app.domain.courses.access import USER_ID, is_enrolled
from app.domain.courses.cards import (
    CARD_COLUMNS,
    CourseCard,
    completed_lessons,
    read_cards,
    select_cards,
)
from app.domain.courses.catalog import ORDERS
from app.domain.courses.completion import percent_of
from app.domain.courses.filters import Sort
from app.domain.courses.models import Course, CourseStatus, Enrollment
from app.domain.courses.outline import continue_lesson_id

SHELF_SIZE = 48


@dataclass(frozen=True)
class EnrolledCourse(CourseCard):
    """A card of an enrolled course, with where to go on; None where it has no lesson yet."""

    completed_lessons: int = 0
    continue_lesson_id: uuid.UUID | None = None
    enrolled_at: datetime | None = None
    last_watched_at: datetime | None = None
    completed_at: datetime | None = None


_LIVE = (
    Enrollment.user_id == USER_ID,
    Enrollment.revoked_at.is_(None),
    Course.status != CourseStatus.DRAFT,
)
_ENROLLED = (
    select_cards()
    .add_columns(
        completed_lessons(Enrollment.user_id).label("done"),
        continue_lesson_id(Enrollment.user_id).label("continue_lesson_id"),
        Enrollment.created_at.label("enrolled_at"),
        Enrollment.last_watched_at,
        Enrollment.completed_at,
    )
    .join(Enrollment, Enrollment.course_id == Course.id)
    .where(*_LIVE)
    .order_by(
        func.coalesce(Enrollment.last_watched_at, Enrollment.created_at).desc(), Enrollment.id
    )
)
_COUNT = (
    select(func.count())
    .select_from(Enrollment)
    .join(Course, Course.id == Enrollment.course_id)
    .where(*_LIVE)
)


def list_enrolled(user_id: uuid.UUID, page: int = 1) -> list[EnrolledCourse]:
    """List one page (of 48) of the courses a person is enrolled in, with their progress."""
    rows = db.session.execute(
        _ENROLLED.limit(SHELF_SIZE).offset((max(page, 1) - 1) * SHELF_SIZE),
        {"user_id": user_id, "now": utcnow()},
    )
    return [EnrolledCourse(*_fields(row)) for row in rows]


def _fields(row: Any) -> tuple[Any, ...]:
    width = len(CARD_COLUMNS)
    return (*row[:width], percent_of(row.done, row.lesson_count), True, *row[width:])


def count_enrolled(user_id: uuid.UUID) -> int:
    """Return in how many courses a person is enrolled."""
    return db.session.scalar(_COUNT, {"user_id": user_id}) or 0


def list_suggestions(user_id: uuid.UUID, limit: int) -> list[CourseCard]:
    """List popular courses that the person is not enrolled in and does not teach."""
    rows = db.session.execute(
        select_cards()
        .where(
            Course.status == CourseStatus.PUBLISHED,
            Course.instructor_id != user_id,
            ~is_enrolled(literal(user_id, Course.id.type)),
        )
        .order_by(*ORDERS[Sort.POPULAR])
        .limit(limit)
    )
    return read_cards(rows)
