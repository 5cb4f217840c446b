"""Brings learners into the demo's courses, with what they have honestly watched so far."""

import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert, update

from app.clock import utcnow
from app.database import db
from app.demo.content import Attendance, Person
from app.demo.selling import add_books
from app.domain.accounts.models import User
from app.domain.courses.admission_models import EnrollmentRequest
from app.domain.courses.models import (
    Course,
    Enrollment,
    EnrollmentSource,
    Lesson,
    LessonKind,
    LessonProgress,
)


def add_attendance(
    people: Sequence[Person], users: Mapping[str, User], courses: Sequence[Course]
) -> None:
    """Enrol people in `courses` (new ones, sections loaded) and record their progress.

    Each course's learner_count becomes the number of its enrollments.
    """
    by_slug = {course.slug: course for course in courses}
    enrollments: list[dict[str, Any]] = []
    progress: list[dict[str, Any]] = []
    for index, person in enumerate(people):
        for attendance in person.courses:
            course = by_slug.get(attendance.course)
            if course is not None:
                user_id = users[person.email].id
                rows = _progress(user_id, course, attendance)
                progress += rows
                enrollments.append(_enrollment(user_id, course, rows, index))
    if enrollments:
        db.session.execute(insert(Enrollment), enrollments)
        add_books(enrollments, courses, users)
    if progress:
        db.session.execute(insert(LessonProgress), progress)
    for course_id, learners in Counter(row["course_id"] for row in enrollments).items():
        db.session.execute(
            update(Course)
            .where(Course.id == course_id)
            .values(learner_count=learners, updated_at=Course.updated_at)
        )


def add_requests(
    people: Sequence[Person], users: Mapping[str, User], courses: Sequence[Course]
) -> None:
    """Have people ask to be let into `courses` (new ones)."""
    by_slug = {course.slug: course for course in courses}
    for person in people:
        for asking in person.requests:
            if asking.course in by_slug:
                db.session.add(
                    EnrollmentRequest(
                        user_id=users[person.email].id,
                        course_id=by_slug[asking.course].id,
                        note=asking.note,
                        created_at=utcnow() - timedelta(hours=asking.asked_hours_ago),
                    )
                )


def _lessons(course: Course) -> list[Lesson]:
    return [lesson for section in course.sections for lesson in section.lessons]


def _enrollment(
    user_id: uuid.UUID,
    course: Course,
    progress: Sequence[Mapping[str, Any]],
    index: int,
) -> dict[str, Any]:
    now = utcnow()
    start = course.published_at or now
    # Spread over the course's life, always before its first progress.
    share = (index * 37 % 60) / 100
    first = min((row["updated_at"] for row in progress), default=now)
    created_at = min(start + (now - start) * share, first - timedelta(minutes=20))
    lessons = _lessons(course)
    is_complete = sum(row["completed_at"] is not None for row in progress) == len(lessons)
    latest = max(progress, key=lambda row: row["updated_at"], default=None)
    return {
        "id": uuid.uuid4(),
        "user_id": user_id,
        "course_id": course.id,
        "source": EnrollmentSource.PURCHASE if course.price_minor else EnrollmentSource.FREE,
        "created_at": created_at,
        "revoked_at": None,
        "last_lesson_id": latest["lesson_id"] if latest else None,
        "last_watched_at": latest["updated_at"] if latest else None,
        "completed_at": latest["updated_at"] if latest and is_complete else None,
    }


def _progress(user_id: uuid.UUID, course: Course, attendance: Attendance) -> list[dict[str, Any]]:
    """Return progress rows; the newest is `last_seen_hours_ago`, each earlier one a day older."""
    lessons = _lessons(course)
    done = lessons[: attendance.completed_lessons]
    last_seen = utcnow() - timedelta(hours=attendance.last_seen_hours_ago)
    started = lessons[len(done)] if attendance.watched_seconds else None
    rows = []
    for age, lesson in enumerate(reversed(done), start=1 if started else 0):
        rows.append(_completed(user_id, lesson, last_seen - timedelta(hours=21 * age)))
    if started is not None:
        rows.append(_watched(user_id, started, attendance.watched_seconds, last_seen))
    return rows


def _completed(user_id: uuid.UUID, lesson: Lesson, at: datetime) -> dict[str, Any]:
    row = _watched(user_id, lesson, lesson.duration_seconds, at)
    if lesson.kind is not LessonKind.VIDEO:
        row["watched"], row["position_seconds"] = "{}", 0.0
    return row | {"completed_at": at}


def _watched(user_id: uuid.UUID, lesson: Lesson, seconds: int, at: datetime) -> dict[str, Any]:
    return {
        "user_id": user_id,
        "lesson_id": lesson.id,
        "course_id": lesson.course_id,
        "position_seconds": float(seconds),
        "watched": f"{{[0,{seconds})}}",
        "updated_at": at,
        "completed_at": None,
    }
