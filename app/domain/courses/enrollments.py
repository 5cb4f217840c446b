"""Enrollments: how people come into a course and lose it again, each counted exactly once."""

import uuid

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from app.clock import utcnow
from app.database import db
from app.domain.accounts.models import Role
from app.domain.courses.access import IS_ADMIN, OPEN_STATUSES, USER_ID, is_visible
from app.domain.courses.models import Course, Enrollment, EnrollmentSource
from app.errors import Forbidden, NotFound, PaymentRequired


def enroll(user_id: uuid.UUID, slug: str, role: Role | None = None) -> tuple[Enrollment, bool]:
    """Enrol in a free course; True when the enrollment is new.

    Raises NotFound, PaymentRequired for a priced course, and Forbidden where an earlier
    enrollment was revoked: only staff gives that back.
    """
    course = db.session.execute(
        select(Course.id, Course.status, Course.price_minor, Course.currency).where(
            Course.slug == slug, is_visible(USER_ID, IS_ADMIN)
        ),
        {"user_id": user_id, "is_admin": role is Role.ADMIN},
    ).first()
    if course is None:
        raise NotFound
    existing = find_enrollment(user_id, course.id)
    if existing is None:
        if course.status not in OPEN_STATUSES:
            raise NotFound
        if course.price_minor > 0:
            price = {"amount_minor": course.price_minor, "currency": course.currency}
            raise PaymentRequired(price=price)
        if _insert(user_id, course.id, EnrollmentSource.FREE):
            return _get(user_id, course.id), True
        existing = _get(user_id, course.id)
    if existing.revoked_at is not None:
        raise Forbidden("Your access to this course was withdrawn. Write to us to have it back.")
    return existing, False


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
