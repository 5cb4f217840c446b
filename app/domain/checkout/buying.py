"""Who may buy which course: the door in front of every order."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import aliased, joinedload

from app.database import db
from app.domain.accounts.models import Role
from app.domain.courses.access import IS_ADMIN, OPEN_STATUSES, USER_ID, is_visible, unlocks
from app.domain.courses.enrollments import invited_at, is_final
from app.domain.courses.models import Course, Enrollment, EnrollmentPolicy
from app.errors import (
    AlreadyOwned,
    ApprovalRequired,
    CheckoutRefused,
    Forbidden,
    InvitationRequired,
    NotFound,
)

_ended = aliased(Enrollment)
_STATEMENT = (
    select(
        Course,
        unlocks(USER_ID, IS_ADMIN).label("unlocks_all"),
        invited_at(USER_ID).label("invited_at"),
        _ended.revoked_at,
        _ended.revocation,
    )
    .outerjoin(_ended, (_ended.user_id == USER_ID) & (_ended.course_id == Course.id))
    .where(is_visible(USER_ID, IS_ADMIN))
    .options(joinedload(Course.category), joinedload(Course.instructor))
    .execution_options(populate_existing=True)
)


def find_course(user_id: uuid.UUID, slug: str, role: Role | None = None) -> Course:
    """Return a course that exists for this person, with its category. Raises NotFound."""
    row = _row(user_id, slug, role)
    course: Course = row.Course
    return course


def require_buyable(user_id: uuid.UUID, slug: str, role: Role | None = None) -> Course:
    """Return a course that this person may buy now.

    Raises NotFound, AlreadyOwned (also for who is in charge of it), Forbidden where access was
    withdrawn, ApprovalRequired, InvitationRequired, and CheckoutRefused where nothing is to pay.
    """
    row = _row(user_id, slug, role)
    course: Course = row.Course
    if row.unlocks_all:
        raise AlreadyOwned
    if course.status not in OPEN_STATUSES:
        raise NotFound
    if _is_invited(row.invited_at, row.revoked_at):
        raise CheckoutRefused("You are invited to this course. It costs you nothing.")
    if row.revoked_at is not None and is_final(row.revocation):
        raise Forbidden("Your access to this course was withdrawn. Write to us to have it back.")
    if course.enrollment_policy is EnrollmentPolicy.APPROVAL:
        raise ApprovalRequired
    if course.enrollment_policy is EnrollmentPolicy.INVITATION:
        raise InvitationRequired
    if course.price_minor == 0:
        raise CheckoutRefused("This course costs nothing. Enrol on its page.")
    return course


def is_owner(user_id: uuid.UUID, course_id: uuid.UUID) -> bool:
    """Whether somebody is in a course already, so that paying for it would be for nothing."""
    live = select(Enrollment.id).where(
        Enrollment.user_id == user_id,
        Enrollment.course_id == course_id,
        Enrollment.revoked_at.is_(None),
    )
    return db.session.scalar(live) is not None


def _is_invited(invited: datetime | None, revoked: datetime | None) -> bool:
    """Whether an invitation opens the door; one from before a removal does not."""
    return invited is not None and (revoked is None or invited > revoked)


def _row(user_id: uuid.UUID, slug: str, role: Role | None) -> Any:
    row = db.session.execute(
        _STATEMENT.where(Course.slug == slug),
        {"user_id": user_id, "is_admin": role is Role.ADMIN},
    ).first()
    if row is None:
        raise NotFound
    return row
