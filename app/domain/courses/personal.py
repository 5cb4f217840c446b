"""What this room knows of one person, for their export, and what of it keeps them here."""

import uuid
from typing import Any

from sqlalchemy import delete, exists, func, select

from app.database import db
from app.domain.accounts import deletion
from app.domain.accounts.models import User
from app.domain.courses.admission_models import CourseInvitation, EnrollmentRequest
from app.domain.courses.models import Course, Enrollment, Lesson, LessonProgress
from app.errors import DeletionRefused


def export_of(user_id: uuid.UUID) -> dict[str, Any]:
    """Return a person's enrollments, requests, invitations, progress and the courses they teach.

    Invitations belong to an address, so they are told to who has verified it only.
    """
    return {
        "enrollments": _rows(
            select(
                Course.title.label("course"),
                Course.slug,
                Enrollment.source,
                Enrollment.created_at,
                Enrollment.revoked_at,
                Enrollment.revocation,
                Enrollment.last_watched_at,
                Enrollment.completed_at,
            )
            .join(Course, Course.id == Enrollment.course_id)
            .where(Enrollment.user_id == user_id)
            .order_by(Enrollment.created_at)
        ),
        **_admission_of(user_id),
        "progress": _rows(
            select(
                Course.title.label("course"),
                Lesson.title.label("lesson"),
                LessonProgress.position_seconds,
                LessonProgress.watched.label("watched_seconds"),
                LessonProgress.updated_at,
                LessonProgress.completed_at,
            )
            .join(Lesson, Lesson.id == LessonProgress.lesson_id)
            .join(Course, Course.id == LessonProgress.course_id)
            .where(LessonProgress.user_id == user_id)
            .order_by(LessonProgress.updated_at)
        ),
        "courses-taught": _rows(
            select(
                Course.title.label("course"),
                Course.slug,
                Course.status,
                Course.created_at,
                Course.published_at,
                func.coalesce(Course.learner_count, 0).label("learners"),
            )
            .where(Course.instructor_id == user_id)
            .order_by(Course.created_at)
        ),
    }


def _admission_of(user_id: uuid.UUID) -> dict[str, Any]:
    return {
        "enrollment-requests": _rows(
            select(
                Course.title.label("course"),
                EnrollmentRequest.status,
                EnrollmentRequest.note,
                EnrollmentRequest.created_at,
                EnrollmentRequest.decided_at,
            )
            .join(Course, Course.id == EnrollmentRequest.course_id)
            .where(EnrollmentRequest.user_id == user_id)
            .order_by(EnrollmentRequest.created_at)
        ),
        "course-invitations": _rows(
            select(
                Course.title.label("course"),
                CourseInvitation.created_at,
                CourseInvitation.accepted_at,
            )
            .join(Course, Course.id == CourseInvitation.course_id)
            .join(User, User.email == CourseInvitation.email)
            .where(User.id == user_id, User.email_verified_at.is_not(None))
            .order_by(CourseInvitation.created_at)
        ),
    }


def erase(user_id: uuid.UUID, email: str) -> None:
    """Forget what somebody who is gone had asked for, and who invited their address."""
    for statement in (
        delete(EnrollmentRequest).where(EnrollmentRequest.user_id == user_id),
        delete(CourseInvitation).where(CourseInvitation.email == email),
    ):
        db.session.execute(statement.execution_options(synchronize_session=False))


def require_deletable(user: User) -> None:
    """Pass unless learners or the site depend on this person. Raises DeletionRefused."""
    deletion.require_dispensable(user)
    if db.session.scalar(select(exists().where(Course.instructor_id == user.id))):
        raise DeletionRefused(
            "You teach courses here. Ask an administrator to hand them to somebody else, then "
            "come back to delete your account."
        )


def _rows(statement: Any) -> list[dict[str, Any]]:
    return [dict(row) for row in db.session.execute(statement).mappings()]
