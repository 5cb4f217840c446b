"""Enrollments: how people come into a course and lose it again, each counted exactly once."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ScalarSelect, func, select, update
from sqlalchemy.dialects.postgresql import insert

from app.clock import utcnow
from app.database import db
from app.domain.accounts.models import Role, User
from app.domain.courses.access import IS_ADMIN, OPEN_STATUSES, USER_ID, UserColumn, is_visible
from app.domain.courses.admission_models import CourseInvitation
from app.domain.courses.models import Course, Enrollment, EnrollmentPolicy, EnrollmentSource
from app.errors import (
    ApprovalRequired,
    Forbidden,
    InvitationRequired,
    NotFound,
    PaymentRequired,
)


def invited_at(user_id: UserColumn) -> ScalarSelect[datetime]:
    """Return when `user_id` was invited into the statement's Course; null unless they were.

    Only an address that was verified counts: anybody may sign up with somebody else's.
    """
    return (
        select(func.max(CourseInvitation.created_at))
        .join(User, User.email == CourseInvitation.email)
        .where(
            User.id == user_id,
            User.email_verified_at.is_not(None),
            CourseInvitation.course_id == Course.id,
        )
        .correlate(Course)
        .scalar_subquery()
    )


_COURSE = select(
    Course.id,
    Course.status,
    Course.price_minor,
    Course.currency,
    Course.enrollment_policy,
    invited_at(USER_ID).label("invited_at"),
).where(is_visible(USER_ID, IS_ADMIN))


def enroll(user_id: uuid.UUID, slug: str, role: Role | None = None) -> tuple[Enrollment, bool]:
    """Enrol by one's own doing; True when the enrollment is new.

    An invitation opens any course, whatever it costs. Raises NotFound, PaymentRequired for a
    priced course, ApprovalRequired, InvitationRequired, and Forbidden where an earlier enrollment
    was revoked: only staff gives that back.
    """
    course = db.session.execute(
        _COURSE.where(Course.slug == slug), {"user_id": user_id, "is_admin": role is Role.ADMIN}
    ).first()
    if course is None:
        raise NotFound
    existing = find_enrollment(user_id, course.id)
    if existing is None:
        if course.status not in OPEN_STATUSES:
            raise NotFound
        if _insert(user_id, course.id, _source_of(course)):
            _accept(user_id, course)
            return _get(user_id, course.id), True
        existing = _get(user_id, course.id)
    if existing.revoked_at is None:
        return existing, False
    if course.invited_at is None or course.invited_at < existing.revoked_at:
        raise Forbidden("Your access to this course was withdrawn. Write to us to have it back.")
    _accept(user_id, course)
    return grant(user_id, course.id, EnrollmentSource.INVITATION), True


def _source_of(course: Any) -> EnrollmentSource:
    """Return what lets somebody in who is not: the invitation, or the open door."""
    if course.invited_at is not None:
        return EnrollmentSource.INVITATION
    if course.enrollment_policy is EnrollmentPolicy.APPROVAL:
        raise ApprovalRequired
    if course.enrollment_policy is EnrollmentPolicy.INVITATION:
        raise InvitationRequired
    if course.price_minor > 0:
        price = {"amount_minor": course.price_minor, "currency": course.currency}
        raise PaymentRequired(price=price)
    return EnrollmentSource.FREE


def _accept(user_id: uuid.UUID, course: Any) -> None:
    if course.invited_at is None:
        return
    address = select(User.email).where(User.id == user_id).scalar_subquery()
    db.session.execute(
        update(CourseInvitation)
        .where(CourseInvitation.course_id == course.id, CourseInvitation.email == address)
        .values(accepted_at=func.coalesce(CourseInvitation.accepted_at, utcnow()))
        .execution_options(synchronize_session=False)
    )


def grant(user_id: uuid.UUID, course_id: uuid.UUID, source: EnrollmentSource) -> Enrollment:
    """Let a person into a course, whatever it costs; a revoked enrollment lives again."""
    if not _insert(user_id, course_id, source):
        revived = db.session.execute(
            update(Enrollment)
            .where(
                Enrollment.user_id == user_id,
                Enrollment.course_id == course_id,
                Enrollment.revoked_at.is_not(None),
            )
            .values(revoked_at=None, source=source)
            .returning(Enrollment.id)
        ).first()
        if revived:
            _add_learners(course_id, 1)
    return _get(user_id, course_id)


def revoke(user_id: uuid.UUID, course_id: uuid.UUID) -> bool:
    """Withdraw a live enrollment; True when there was one. Playback ends within a heartbeat."""
    revoked = db.session.execute(
        update(Enrollment)
        .where(
            Enrollment.user_id == user_id,
            Enrollment.course_id == course_id,
            Enrollment.revoked_at.is_(None),
        )
        .values(revoked_at=utcnow())
        .returning(Enrollment.id)
    ).first()
    if revoked:
        _add_learners(course_id, -1)
    return revoked is not None


def find_enrollment(user_id: uuid.UUID, course_id: uuid.UUID) -> Enrollment | None:
    """Find the enrollment of a person in a course, live or revoked."""
    return db.session.scalars(
        select(Enrollment)
        .where(Enrollment.user_id == user_id, Enrollment.course_id == course_id)
        .execution_options(populate_existing=True)
    ).first()


def _get(user_id: uuid.UUID, course_id: uuid.UUID) -> Enrollment:
    enrollment = find_enrollment(user_id, course_id)
    if enrollment is None:
        raise NotFound
    return enrollment


def _insert(user_id: uuid.UUID, course_id: uuid.UUID, source: EnrollmentSource) -> bool:
    # Two clicks race here: the unique constraint lets one row in, and only the statement that
    # put it there counts the learner.
    created = db.session.execute(
        insert(Enrollment)
        .values(id=uuid.uuid4(), user_id=user_id, course_id=course_id, source=source)
        .on_conflict_do_nothing(index_elements=["user_id", "course_id"])
        .returning(Enrollment.id)
    ).first()
    if created:
        _add_learners(course_id, 1)
    return created is not None


def _add_learners(course_id: uuid.UUID, change: int) -> None:
    db.session.execute(
        update(Course)
        .where(Course.id == course_id)
        .values(
            learner_count=func.greatest(Course.learner_count + change, 0),
            updated_at=Course.updated_at,
        )
        .execution_options(synchronize_session=False)
    )
