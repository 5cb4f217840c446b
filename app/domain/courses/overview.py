"""What the administration shows of courses and their media; an instructor is shown their own.

`owner_id` is that instructor, or None for those who see everything.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from app.database import db
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
