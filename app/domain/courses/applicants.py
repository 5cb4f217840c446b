"""Who wants into a course and who is asked into it, as staff lists them.

`owner_id` is the instructor whose courses are shown, or None for those who see everything.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, tuple_

from app.database import db
from app.domain.accounts.models import User
from app.domain.courses.admission_models import (
    CourseInvitation,
    EnrollmentRequest,
    RequestStatus,
)
from app.domain.courses.charge import own_courses
from app.domain.courses.models import Course
from app.domain.courses.roster import After, Narrowing, narrowed


@dataclass(frozen=True, slots=True)
class InvitationRow:
    """An invitation as a table shows it; `invited_by` is the name of who sent it."""

    id: uuid.UUID
    created_at: datetime
    email: str
    course_id: uuid.UUID
    course_title: str
    course_slug: str
    invited_by: str | None
    accepted_at: datetime | None


@dataclass(frozen=True, slots=True)
class RequestRow:
    """A request to be let in as a table shows it; `note` is what the person wrote."""

    id: uuid.UUID
    created_at: datetime
    status: RequestStatus
    note: str
    decided_at: datetime | None
    user_id: uuid.UUID
    name: str
    email: str
    course_id: uuid.UUID
    course_title: str
    course_slug: str


def list_invitations(
    owner_id: uuid.UUID | None, wanted: Narrowing, after: After, limit: int
) -> list[InvitationRow]:
    """Return invitations, newest first, those behind the position `after`."""
    key = (CourseInvitation.created_at, CourseInvitation.id)
    statement = (
        select(
            CourseInvitation.id,
            CourseInvitation.created_at,
            CourseInvitation.email,
            CourseInvitation.course_id,
            Course.title.label("course_title"),
            Course.slug.label("course_slug"),
            User.name.label("invited_by"),
            CourseInvitation.accepted_at,
        )
        .join(Course, Course.id == CourseInvitation.course_id)
        .outerjoin(User, User.id == CourseInvitation.invited_by_id)
        .where(own_courses(owner_id))
        .order_by(*(column.desc() for column in key))
        .limit(limit)
    )
    if wanted.course_id is not None:
        statement = statement.where(CourseInvitation.course_id == wanted.course_id)
    if wanted.text:
        statement = statement.where(
            func.lower(CourseInvitation.email).contains(wanted.text.lower(), autoescape=True)
        )
    if after is not None:
        statement = statement.where(tuple_(*key) < tuple_(*after))
    return [InvitationRow(**row._asdict()) for row in db.session.execute(statement)]


def list_requests(
    owner_id: uuid.UUID | None,
    wanted: Narrowing,
    status: RequestStatus | None,
    after: After,
    limit: int,
) -> list[RequestRow]:
    """Return requests to be let in, newest first, those behind the position `after`."""
    key = (EnrollmentRequest.created_at, EnrollmentRequest.id)
    statement = (
        select(
            EnrollmentRequest.id,
            EnrollmentRequest.created_at,
            EnrollmentRequest.status,
            EnrollmentRequest.note,
            EnrollmentRequest.decided_at,
            EnrollmentRequest.user_id,
            User.name,
            User.email,
            EnrollmentRequest.course_id,
            Course.title.label("course_title"),
            Course.slug.label("course_slug"),
        )
        .join(User, User.id == EnrollmentRequest.user_id)
        .join(Course, Course.id == EnrollmentRequest.course_id)
        .where(own_courses(owner_id), *narrowed(EnrollmentRequest, wanted))
        .order_by(*(column.desc() for column in key))
        .limit(limit)
    )
    if status is not None:
        statement = statement.where(EnrollmentRequest.status == status)
    if after is not None:
        statement = statement.where(tuple_(*key) < tuple_(*after))
    return [RequestRow(**row._asdict()) for row in db.session.execute(statement)]
