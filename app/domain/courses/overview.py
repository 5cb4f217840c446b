"""What the administration shows of courses and their media; an instructor is shown their own.

`owner_id` is that instructor, or None for those who see everything.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import aliased

from app.database import db
from app.domain.courses.charge import own_courses, own_media
from app.domain.courses.models import Course, CourseStatus, Enrollment
from app.domain.videos import overview as videos
from app.domain.videos.models import VideoStatus
from app.domain.videos.overview import VideoRow


@dataclass(frozen=True, slots=True)
class CourseCounts:
    """How many courses there are, how many are open, and how many live enrollments they have.

    `completed` of these have been completed, `newly_completed` since the day that was asked for.
    """

    total: int
    published: int
    enrollments: int
    completed: int
    newly_completed: int


def count_courses(owner_id: uuid.UUID | None, since: datetime) -> CourseCounts:
    """Count courses and their live enrollments (administration only: it reads whole tables)."""
    total, published = db.session.execute(
        select(func.count(), func.count().filter(Course.status == CourseStatus.PUBLISHED))
        .select_from(Course)
        .where(own_courses(owner_id))
    ).one()
    enrollments = select(
        func.count(),
        func.count(Enrollment.completed_at),
        func.count().filter(Enrollment.completed_at >= since),
    ).select_from(Enrollment)
    enrollments = _owned(enrollments.where(Enrollment.revoked_at.is_(None)), owner_id)
    return CourseCounts(total, published, *db.session.execute(enrollments).one())


def count_new_learners(owner_id: uuid.UUID | None, since: datetime) -> int:
    """Count the people who were let into a course since, and into none before."""
    before = _owned(select(Enrollment.user_id), owner_id).where(
        Enrollment.created_at < since, Enrollment.user_id == _NEW.user_id
    )
    came = _owned(select(func.count(_NEW.user_id.distinct())), owner_id, _NEW)
    return db.session.scalar(came.where(_NEW.created_at >= since, ~before.exists())) or 0


_NEW = aliased(Enrollment)


def _owned(
    statement: Select[*tuple[Any, ...]],
    owner_id: uuid.UUID | None,
    enrollment: type[Enrollment] = Enrollment,
) -> Select[*tuple[Any, ...]]:
    """Narrow enrollments to those in an instructor's courses."""
    if owner_id is None:
        return statement
    mine = select(Course.id).where(own_courses(owner_id))
    return statement.where(enrollment.course_id.in_(mine))


def count_media(owner_id: uuid.UUID | None) -> dict[VideoStatus, int]:
    """Count videos by status, every status named."""
    return videos.count_by_status(own_media(owner_id))


def list_media(
    owner_id: uuid.UUID | None, after: tuple[datetime, uuid.UUID] | None, limit: int
) -> list[VideoRow]:
    """Return videos, newest first, those behind the position `after`."""
    return videos.list_videos(own_media(owner_id), after, limit)


def list_troubled_media(owner_id: uuid.UUID | None, limit: int) -> list[VideoRow]:
    """Return the videos somebody should look at, newest first."""
    return videos.list_troubled(own_media(owner_id), limit)
