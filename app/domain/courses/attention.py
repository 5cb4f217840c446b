"""What waits for somebody's decision or mending in the courses that staff looks after.

`owner_id` is an instructor, who is shown their own, or None for those who see everything.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select

from app.clock import utcnow
from app.database import db
from app.domain.courses.admission_models import EnrollmentRequest, RequestStatus
from app.domain.courses.charge import own_courses
from app.domain.courses.file_models import CourseTransfer, TransferKind, TransferStatus
from app.domain.courses.models import Course

TRANSFERS_OF = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A course that people ask to be let into, and since when the first of them waits."""

    course_id: uuid.UUID
    title: str
    count: int
    since: datetime


@dataclass(frozen=True, slots=True)
class FailedTransfer:
    """An export or import that failed lately."""

    id: uuid.UUID
    title: str
    kind: TransferKind
    detail: str | None
    finished_at: datetime | None


def list_waiting(owner_id: uuid.UUID | None, limit: int) -> list[Waiting]:
    """Return the courses with requests nobody decided on, the longest waiting first."""
    since = func.min(EnrollmentRequest.created_at)
    rows = db.session.execute(
        select(Course.id, Course.title, func.count(), since)
        .join(EnrollmentRequest, EnrollmentRequest.course_id == Course.id)
        .where(EnrollmentRequest.status == RequestStatus.PENDING, own_courses(owner_id))
        .group_by(Course.id)
        .order_by(since, Course.id)
        .limit(limit)
    )
    return [Waiting(*row) for row in rows]


def list_failed_transfers(owner_id: uuid.UUID | None, limit: int) -> list[FailedTransfer]:
    """Return the exports and imports that failed within a week, the newest first."""
    statement = (
        select(
            CourseTransfer.id,
            CourseTransfer.title,
            CourseTransfer.kind,
            CourseTransfer.error_detail,
            CourseTransfer.finished_at,
        )
        .where(
            CourseTransfer.status == TransferStatus.FAILED,
            CourseTransfer.created_at > utcnow() - TRANSFERS_OF,
        )
        .order_by(CourseTransfer.created_at.desc(), CourseTransfer.id)
        .limit(limit)
    )
    if owner_id is not None:
        statement = statement.where(CourseTransfer.created_by_id == owner_id)
    return [FailedTransfer(*row) for row in db.session.execute(statement)]
