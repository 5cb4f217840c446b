"""The courses somebody is about to enter: invited to, or waiting for their staff's answer."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, false, select, text, true, union_all

from app.database import db
from app.domain.accounts.models import User
from app.domain.courses.access import OPEN_STATUSES
from app.domain.courses.admission_models import (
    CourseInvitation,
    EnrollmentRequest,
    RequestStatus,
)
from app.domain.courses.models import Course, Enrollment

MAX_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Threshold:
    """A course somebody is about to enter: since when they are invited, or else have waited."""

    slug: str
    title: str
    since_at: datetime
    is_invited: bool


def list_thresholds(user_id: uuid.UUID) -> list[Threshold]:
    """List the open courses a person is invited to or has asked to be let into, newest first.

    An invitation counts for a verified address. Courses they are in are left out, and those they
    were removed from.
    """
    held = exists().where(Enrollment.user_id == user_id, Enrollment.course_id == Course.id)
    invited = (
        select(Course.slug, Course.title, CourseInvitation.created_at, true())
        .join(CourseInvitation, CourseInvitation.course_id == Course.id)
        .join(User, User.email == CourseInvitation.email)
        .where(
            User.id == user_id,
            User.email_verified_at.is_not(None),
            Course.status.in_(OPEN_STATUSES),
            ~held,
        )
    )
    waiting = (
        select(Course.slug, Course.title, EnrollmentRequest.created_at, false())
        .join(Course, Course.id == EnrollmentRequest.course_id)
        .where(
            EnrollmentRequest.user_id == user_id,
            EnrollmentRequest.status == RequestStatus.PENDING,
            Course.status.in_(OPEN_STATUSES),
            ~held,
        )
    )
    both = union_all(invited, waiting).order_by(text("3 DESC, 1")).limit(MAX_SHOWN)
    return [Threshold(*row) for row in db.session.execute(both)]
