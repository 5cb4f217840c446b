"""When a course is complete, and how far along somebody is."""

import uuid

from sqlalchemy import exists, func, select, update

from app.clock import utcnow
from app.database import db
from app.domain.courses.models import Course, Enrollment, Lesson, LessonProgress


def percent_of(completed_lessons: int, lesson_count: int) -> int:
    """Return whole percent, never above 100, and 100 only when every lesson is complete."""
    if lesson_count <= 0:
        return 0
    return min(100, completed_lessons * 100 // lesson_count)


def course_percent(user_id: uuid.UUID, course_id: uuid.UUID) -> int:
    """Return the percentage of a course's lessons that a person has completed."""
    completed = (
        select(func.count())
        .select_from(LessonProgress)
        .where(
            LessonProgress.user_id == user_id,
            LessonProgress.course_id == course_id,
            LessonProgress.completed_at.is_not(None),
        )
        .scalar_subquery()
    )
    row = db.session.execute(
        select(completed, Course.lesson_count).where(Course.id == course_id)
    ).one()
    return percent_of(row[0], row[1])


def settle(user_id: uuid.UUID, course_id: uuid.UUID) -> None:
    """Note the moment a course was finished; called whenever one of its lessons was."""
    # The last two lessons may complete at the same moment, each unseen by the other: the row
    # lock puts them in a row, and the second statement's snapshot sees whoever came first.
    enrollment = (
        Enrollment.user_id == user_id,
        Enrollment.course_id == course_id,
        Enrollment.revoked_at.is_(None),
        Enrollment.completed_at.is_(None),
    )
    if db.session.execute(select(Enrollment.id).where(*enrollment).with_for_update()).first():
        done = exists().where(
            LessonProgress.user_id == user_id,
            LessonProgress.lesson_id == Lesson.id,
            LessonProgress.completed_at.is_not(None),
        )
        db.session.execute(
            update(Enrollment)
            .where(*enrollment, ~exists().where(Lesson.course_id == course_id, ~done))
            .values(completed_at=utcnow())
            .execution_options(synchronize_session=False)
        )
