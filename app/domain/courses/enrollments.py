"""Enrollments: how people come into a course by themselves; what they came to is a ledger's."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ScalarSelect, func, select, update

from app.clock import utcnow
from app.database import db
from app.domain.accounts.models import Role, User
from app.domain.courses import entitlements, seats
from app.domain.courses.access import IS_ADMIN, OPEN_STATUSES, USER_ID, UserColumn, is_visible
from app.domain.courses.admission_models import CourseInvitation
from app.domain.courses.models import (
    Course,
    Enrollment,
    EnrollmentPolicy,
    EnrollmentSource,
    RevocationReason,
)
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
    """Enrol by one's own doing; True when the enrollment is new, or lives again.

    An invitation opens any course, whatever it costs and however full it is. Raises NotFound,
    PaymentRequired for a priced course, ApprovalRequired, InvitationRequired, SoldOut, and
    Forbidden where staff took an earlier enrollment back, or a dispute ended it: only staff gives
    that back.
    """
    course = db.session.execute(
        _COURSE.where(Course.slug == slug), {"user_id": user_id, "is_admin": role is Role.ADMIN}
    ).first()
    if course is None:
        raise NotFound
    existing = find_enrollment(user_id, course.id)
    if existing is not None and existing.revoked_at is None:
        return existing, False
    if existing is None and course.status not in OPEN_STATUSES:
        raise NotFound
    source = _source_of(course, existing)
    if source is EnrollmentSource.FREE:
        seats.require_seat(course.id, user_id)
    else:
        _accept(user_id, course)
    return entitlements.grant_once(user_id, course.id, source)


def _source_of(course: Any, revoked: Enrollment | None) -> EnrollmentSource:
    """Return what lets somebody in who is not: an invitation since they left, or the open door."""
    if course.invited_at is not None and not _is_older(course.invited_at, revoked):
        return EnrollmentSource.INVITATION
    if revoked is not None and is_final(revoked.revocation):
        raise Forbidden("Your access to this course was withdrawn. Write to us to have it back.")
    if course.status not in OPEN_STATUSES:
        raise NotFound
    if course.enrollment_policy is EnrollmentPolicy.APPROVAL:
        raise ApprovalRequired
    if course.enrollment_policy is EnrollmentPolicy.INVITATION:
        raise InvitationRequired
    if course.price_minor > 0:
        price = {"amount_minor": course.price_minor, "currency": course.currency}
        raise PaymentRequired(price=price)
    return EnrollmentSource.FREE


def _is_older(invited_at: datetime, revoked: Enrollment | None) -> bool:
    return (
        revoked is not None and revoked.revoked_at is not None and invited_at < revoked.revoked_at
    )


def is_final(reason: RevocationReason | None) -> bool:
    """Whether only staff gives back what ended for that reason; an untold one is staff's."""
    return reason is None or reason in entitlements.FINAL_REASONS


def _accept(user_id: uuid.UUID, course: Any) -> None:
    address = select(User.email).where(User.id == user_id).scalar_subquery()
    db.session.execute(
        update(CourseInvitation)
        .where(CourseInvitation.course_id == course.id, CourseInvitation.email == address)
        .values(accepted_at=func.coalesce(CourseInvitation.accepted_at, utcnow()))
        .execution_options(synchronize_session=False)
    )


def grant(
    user_id: uuid.UUID,
    course_id: uuid.UUID,
    source: EnrollmentSource,
    *,
    actor_id: uuid.UUID | None = None,
) -> Enrollment:
    """Let a person into a course, whatever it costs; a revoked enrollment lives again."""
    return entitlements.grant(user_id, course_id, source, actor_id=actor_id)


def revoke(user_id: uuid.UUID, course_id: uuid.UUID, *, actor_id: uuid.UUID | None = None) -> bool:
    """Take a person out, whatever let them in; True when they were in.

    Playback ends within a heartbeat.
    """
    return entitlements.revoke(user_id, course_id, RevocationReason.STAFF, actor_id=actor_id)


def find_enrollment(user_id: uuid.UUID, course_id: uuid.UUID) -> Enrollment | None:
    """Find the enrollment of a person in a course, live or revoked."""
    return db.session.scalars(
        select(Enrollment)
        .where(Enrollment.user_id == user_id, Enrollment.course_id == course_id)
        .execution_options(populate_existing=True)
    ).first()
