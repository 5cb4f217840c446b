"""What the administration shows of courses and their media; an instructor is shown their own.

`owner_id` is that instructor, or None for those who see everything.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, tuple_

from app.database import db
from app.domain.accounts.models import User
from app.domain.courses.charge import own_courses, own_media
from app.domain.courses.models import Course, CourseStatus, Enrollment
from app.domain.videos import overview as videos
from app.domain.videos.models import VideoStatus
from app.domain.videos.overview import VideoRow


@dataclass(frozen=True, slots=True)
class CourseCounts:
    """How many courses there are, how many are open, and how many live enrollments they have."""

    total: int
    published: int
    enrollments: int


@dataclass(frozen=True, slots=True)
class CourseRow:
    """A course as a table shows it. Prices are minor units of `currency`."""

    id: uuid.UUID
    slug: str
    title: str
    status: CourseStatus
    instructor_name: str
    lesson_count: int
    duration_seconds: int
    learner_count: int
    price_minor: int
    currency: str
    created_at: datetime
    updated_at: datetime
    published_at: datetime | None


def count_courses(owner_id: uuid.UUID | None) -> CourseCounts:
    """Count courses and their live enrollments (administration only: it reads whole tables)."""
    total, published = db.session.execute(
        select(func.count(), func.count().filter(Course.status == CourseStatus.PUBLISHED))
        .select_from(Course)
        .where(own_courses(owner_id))
    ).one()
    enrollments = select(func.count()).select_from(Enrollment)
    enrollments = enrollments.where(Enrollment.revoked_at.is_(None))
    if owner_id is not None:
        enrollments = enrollments.join(Course, Course.id == Enrollment.course_id)
        enrollments = enrollments.where(own_courses(owner_id))
    return CourseCounts(total, published, db.session.scalar(enrollments) or 0)


def list_courses(
    owner_id: uuid.UUID | None, after: tuple[datetime, uuid.UUID] | None, limit: int
) -> list[CourseRow]:
    """Return courses in any state, newest first, those behind the position `after`."""
    statement = (
        select(
            Course.id,
            Course.slug,
            Course.title,
            Course.status,
            User.name.label("instructor_name"),
            Course.lesson_count,
            Course.duration_seconds,
            Course.learner_count,
            Course.price_minor,
            Course.currency,
            Course.created_at,
            Course.updated_at,
            Course.published_at,
        )
        .join(User, User.id == Course.instructor_id)
        .where(own_courses(owner_id))
        .order_by(Course.created_at.desc(), Course.id.desc())
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(tuple_(Course.created_at, Course.id) < tuple_(*after))
    return [CourseRow(**row._asdict()) for row in db.session.execute(statement)]


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
