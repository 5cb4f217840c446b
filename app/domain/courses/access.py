"""Who may see and watch what, and from when on: the one answer, in SQL.

`is_visible` and `may_watch` are expressions, so that other rooms ask them inside their own
statements, with the parameter `now`; `lesson_access` asks them for one lesson.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    DateTime,
    Interval,
    ScalarSelect,
    Select,
    and_,
    bindparam,
    exists,
    func,
    literal_column,
    or_,
    select,
)
from sqlalchemy.orm import InstrumentedAttribute, aliased

from app.clock import utcnow
from app.database import Prepared
from app.domain.accounts.models import Role, User
from app.domain.courses.models import (
    Course,
    CourseStatus,
    Enrollment,
    Lesson,
    LessonKind,
    LessonProgress,
    Section,
)
from app.errors import EnrollmentRequired, LessonNotOpen, NotFound

OPEN_STATUSES = (CourseStatus.PUBLISHED, CourseStatus.UNLISTED)
NEAR_END_SECONDS = 5
# A day is 24 hours wherever the learner and the database are.
DAY: ColumnElement[Any] = literal_column("interval '24 hours'", Interval())
NOW: ColumnElement[datetime] = bindparam("now", type_=DateTime(timezone=True))

UserColumn = ColumnElement[Any] | InstrumentedAttribute[uuid.UUID]


def is_enrolled(user_id: UserColumn) -> ColumnElement[bool]:
    """Say whether `user_id` holds a live enrollment in the statement's Course."""
    held = aliased(Enrollment)  # the statement may have joined enrollments for itself
    return exists().where(
        held.user_id == user_id, held.course_id == Course.id, held.revoked_at.is_(None)
    )


def live_enrollment(user_id: UserColumn) -> ColumnElement[bool]:
    """Return the condition that joins `user_id`'s live Enrollment to the statement's Course."""
    return and_(
        Enrollment.user_id == user_id,
        Enrollment.course_id == Course.id,
        Enrollment.revoked_at.is_(None),
    )


def unlocks(user_id: UserColumn, is_admin: ColumnElement[bool]) -> ColumnElement[bool]:
    """Say whether the statement's Course, if it is visible, takes `user_id` in.

    Its lessons are then open to them, those of a chapter that opens later from that moment on.
    """
    return or_(_is_in_charge(user_id, is_admin), is_enrolled(user_id))


def drips_from(user_id: UserColumn, is_admin: ColumnElement[bool]) -> ScalarSelect[datetime]:
    """Return the moment from which chapters of the statement's Course open to `user_id`.

    Null for who waits for nothing: those in charge of it, and those who are not enrolled.
    """
    held = aliased(Enrollment)
    return (
        select(held.created_at)
        .where(
            held.user_id == user_id,
            held.course_id == Course.id,
            held.revoked_at.is_(None),
            ~_is_in_charge(user_id, is_admin),
        )
        .correlate_except(held)
        .scalar_subquery()
    )


def opens_at(user_id: UserColumn) -> ScalarSelect[datetime]:
    """Return when the statement's Lesson opens, or opened, to `user_id`; null unless enrolled."""
    held, chapter = aliased(Enrollment), aliased(Section)
    return (
        select(held.created_at + chapter.opens_after_days * DAY)
        .where(
            held.user_id == user_id,
            held.course_id == Lesson.course_id,
            held.revoked_at.is_(None),
            chapter.id == Lesson.section_id,
        )
        .correlate_except(held, chapter)
        .scalar_subquery()
    )


def _is_in_charge(user_id: UserColumn, is_admin: ColumnElement[bool]) -> ColumnElement[bool]:
    return or_(is_admin, func.coalesce(Course.instructor_id == user_id, False))


def is_visible(user_id: UserColumn, is_admin: ColumnElement[bool]) -> ColumnElement[bool]:
    """Say whether the statement's Course exists for `user_id` (a null one is a visitor).

    Published and unlisted courses do for everybody, archived ones for who is enrolled, and all
    of them for their instructor and for administrators.
    """
    return or_(
        *(Course.status == status for status in OPEN_STATUSES),
        _is_in_charge(user_id, is_admin),
        and_(Course.status == CourseStatus.ARCHIVED, is_enrolled(user_id)),
    )


def may_watch(user_id: UserColumn, is_admin: ColumnElement[bool]) -> ColumnElement[bool]:
    """Say whether `user_id` may open the statement's Lesson now; Lesson and Course are joined.

    Enrolled people wait until its chapter opens; previews and those in charge wait for nothing.
    """
    return and_(
        is_visible(user_id, is_admin),
        or_(
            Lesson.is_preview,
            _is_in_charge(user_id, is_admin),
            func.coalesce(opens_at(user_id) <= NOW, False),
        ),
    )


@dataclass(frozen=True, slots=True)
class LessonAccess:
    """One lesson as one person may use it. Durations and positions are seconds.

    `opens_at` is null for who is not enrolled, and past once the lesson's chapter is open.
    """

    lesson_id: uuid.UUID
    course_id: uuid.UUID
    course_slug: str
    course_title: str
    course_status: CourseStatus
    lesson_title: str
    kind: LessonKind
    video_id: uuid.UUID | None
    duration_seconds: int
    is_preview: bool
    is_enrolled: bool
    may_watch: bool
    opens_at: datetime | None
    position_seconds: float

    @property
    def resume_position_seconds(self) -> float:
        """Where to resume: the saved position, or the start once the end was reached."""
        return resume_position(self.position_seconds, self.duration_seconds)


def resume_position(position_seconds: float | None, duration_seconds: int) -> float:
    """Return where to resume; within the last seconds of a lesson that is its start."""
    position = position_seconds or 0.0
    return 0.0 if position > duration_seconds - NEAR_END_SECONDS else position


# Who asks, for statements that leave it open: parameters `user_id` and `is_admin`.
USER_ID = bindparam("user_id", type_=User.id.type)
OWN_PROGRESS = and_(LessonProgress.user_id == USER_ID, LessonProgress.lesson_id == Lesson.id)
IS_ADMIN: ColumnElement[bool] = bindparam("is_admin", type_=Lesson.is_preview.type)


def lesson_access_statement() -> Select[*tuple[Any, ...]]:
    """Return the query behind `lesson_access`, with parameters user_id, lesson_id,
    is_admin and now.

    Its columns are LessonAccess's fields, by name and in order; no row means the lesson does not
    exist for this person.
    """
    return (
        select(
            Lesson.id.label("lesson_id"),
            Lesson.course_id,
            Course.slug.label("course_slug"),
            Course.title.label("course_title"),
            Course.status.label("course_status"),
            Lesson.title.label("lesson_title"),
            Lesson.kind,
            Lesson.video_id,
            Lesson.duration_seconds,
            Lesson.is_preview,
            is_enrolled(USER_ID).label("is_enrolled"),
            may_watch(USER_ID, IS_ADMIN).label("may_watch"),
            opens_at(USER_ID).label("opens_at"),
            func.coalesce(LessonProgress.position_seconds, 0.0).label("position_seconds"),
        )
        .join(Course, Course.id == Lesson.course_id)
        .outerjoin(LessonProgress, OWN_PROGRESS)
        .where(
            Lesson.id == bindparam("lesson_id", type_=Lesson.id.type),
            is_visible(USER_ID, IS_ADMIN),
        )
    )


_ACCESS = Prepared(lesson_access_statement())


def lesson_access(
    user_id: uuid.UUID | None, lesson_id: uuid.UUID, role: Role | None = None
) -> LessonAccess | None:
    """Find what `user_id` may do with a lesson; None when it does not exist for them."""
    row = _ACCESS.first(
        {
            "user_id": user_id,
            "lesson_id": lesson_id,
            "is_admin": role is Role.ADMIN,
            "now": utcnow(),
        }
    )
    return LessonAccess(*row) if row else None


def require_lesson_access(
    user_id: uuid.UUID, lesson_id: uuid.UUID, role: Role | None = None
) -> LessonAccess:
    """Return the access to a lesson that may be watched.

    Raises NotFound, EnrollmentRequired, and LessonNotOpen for an enrolled person who is early.
    """
    access = lesson_access(user_id, lesson_id, role)
    if access is None:
        raise NotFound
    if access.may_watch:
        return access
    if access.opens_at is not None:
        raise LessonNotOpen(opens_at=access.opens_at)
    raise EnrollmentRequired
