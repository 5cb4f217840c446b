"""Who is in a course, as its staff sees it, and staff's own hand: enrolling and removing people.

`owner_id` is the instructor whose courses are shown, or None for those who see everything.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, cast, func, or_, select, tuple_, update

from app.clock import utcnow
from app.database import db
from app.domain.accounts.models import User, UserStatus
from app.domain.accounts.users import find_by_email
from app.domain.courses import enrollments
from app.domain.courses.admission_models import EnrollmentRequest, RequestStatus
from app.domain.courses.charge import Maker, course_in_charge, own_courses
from app.domain.courses.completion import percent_of
from app.domain.courses.models import (
    Course,
    CourseStatus,
    Enrollment,
    EnrollmentSource,
    LessonProgress,
)
from app.domain.outbox import mail
from app.errors import InvalidInput, NotFound

MAX_CHOICES = 500
After = tuple[datetime, uuid.UUID] | None


@dataclass(frozen=True, slots=True)
class Narrowing:
    """What a list of people in courses is narrowed by; `text` is a part of a name or address."""

    course_id: uuid.UUID | None = None
    user_id: uuid.UUID | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class EnrollmentRow:
    """A live enrollment as a table shows it."""

    id: uuid.UUID
    created_at: datetime
    source: EnrollmentSource
    user_id: uuid.UUID
    name: str
    email: str
    course_id: uuid.UUID
    course_title: str
    course_slug: str
    progress_percent: int
    last_watched_at: datetime | None
    completed_at: datetime | None


@dataclass(frozen=True, slots=True)
class CourseChoice:
    """A course to choose from."""

    id: uuid.UUID
    title: str


_DONE = (
    select(func.count())
    .select_from(LessonProgress)
    .where(
        LessonProgress.user_id == Enrollment.user_id,
        LessonProgress.course_id == Enrollment.course_id,
        LessonProgress.completed_at.is_not(None),
    )
    .correlate(Enrollment)
    .scalar_subquery()
)
_ROWS: Select[*tuple[Any, ...]] = (
    select(
        Enrollment.id,
        Enrollment.created_at,
        Enrollment.source,
        Enrollment.user_id,
        User.name,
        User.email,
        Enrollment.course_id,
        Course.title,
        Course.slug,
        _DONE,
        Course.lesson_count,
        Enrollment.last_watched_at,
        Enrollment.completed_at,
    )
    .join(User, User.id == Enrollment.user_id)
    .join(Course, Course.id == Enrollment.course_id)
    .where(Enrollment.revoked_at.is_(None))
)


def list_enrollments(
    owner_id: uuid.UUID | None, wanted: Narrowing, after: After, limit: int
) -> list[EnrollmentRow]:
    """Return live enrollments, newest first, those behind the position `after`."""
    statement = _ROWS.where(own_courses(owner_id), *narrowed(Enrollment, wanted))
    if after is not None:
        statement = statement.where(tuple_(Enrollment.created_at, Enrollment.id) < tuple_(*after))
    statement = statement.order_by(Enrollment.created_at.desc(), Enrollment.id.desc())
    return [_row(found) for found in db.session.execute(statement.limit(limit))]


def get_enrollment(owner_id: uuid.UUID | None, enrollment_id: uuid.UUID) -> EnrollmentRow:
    """Return one live enrollment. Raises NotFound."""
    statement = _ROWS.where(own_courses(owner_id), Enrollment.id == enrollment_id)
    found = db.session.execute(statement).first()
    if found is None:
        raise NotFound
    return _row(found)


def narrowed(
    table: type[Enrollment] | type[EnrollmentRequest], wanted: Narrowing
) -> list[ColumnElement[bool]]:
    """Return the conditions on `table`, joined with User, that `wanted` stands for."""
    conditions: list[ColumnElement[bool]] = []
    if wanted.course_id is not None:
        conditions.append(table.course_id == wanted.course_id)
    if wanted.user_id is not None:
        conditions.append(table.user_id == wanted.user_id)
    if wanted.text:
        email = cast(User.email, Text)
        text = wanted.text
        conditions.append(
            or_(User.name.icontains(text, autoescape=True), email.icontains(text, autoescape=True))
        )
    return conditions


def list_choices(owner_id: uuid.UUID | None) -> list[CourseChoice]:
    """Return the courses that people may be let into, by title; at most 500."""
    statement = (
        select(Course.id, Course.title)
        .where(own_courses(owner_id))
        .order_by(func.lower(Course.title), Course.id)
        .limit(MAX_CHOICES)
    )
    return [CourseChoice(*row) for row in db.session.execute(statement)]


def enrol(
    maker: Maker, course_id: uuid.UUID, user_id: uuid.UUID | None, email: str | None
) -> tuple[Enrollment, bool]:
    """Let the person with this id or address into a course, whatever it costs; True when new.

    They are told, and a request of theirs is settled. Raises NotFound, Forbidden, and InvalidInput
    when there is nobody, or while the course is a draft, which they could not open.
    """
    course = course_in_charge(maker, course_id)
    require_open(course)
    return let_in(maker, course, find_person(user_id, email))


def let_in(
    maker: Maker, course: Course, user: User, *, is_told: bool = True
) -> tuple[Enrollment, bool]:
    """Let a person into a course that `maker` is in charge of; True when that is new."""
    existing = enrollments.find_enrollment(user.id, course.id)
    if existing is not None and existing.revoked_at is None:
        return existing, False
    enrollment = enrollments.grant(user.id, course.id, EnrollmentSource.MANUAL, actor_id=maker.id)
    _settle_request(maker, enrollment)
    if is_told and user.status is UserStatus.ACTIVE:
        mail.send(
            user.email,
            "enrollment_granted",
            user.locale,
            name=user.name,
            course=course.title,
            link=mail.absolute(f"/learn/{course.slug}"),
        )
    return enrollment, True


def remove(maker: Maker, enrollment_id: uuid.UUID) -> Enrollment | None:
    """Take a person out of a course; their progress is kept, what plays ends within a heartbeat.

    None when they were out already. Raises NotFound, Forbidden.
    """
    enrollment = db.session.get(Enrollment, enrollment_id, populate_existing=True)
    if enrollment is None:
        raise NotFound
    course_in_charge(maker, enrollment.course_id)
    was_live = enrollments.revoke(enrollment.user_id, enrollment.course_id, actor_id=maker.id)
    return enrollment if was_live else None


def find_person(user_id: uuid.UUID | None, email: str | None) -> User:
    """Return whom an id or an address means. Raises InvalidInput naming the field."""
    if (user_id is None) is (email is None):
        raise InvalidInput({"email": "Name the person by e-mail address or by id."})
    user = find_by_email(email) if email is not None else db.session.get(User, user_id)
    if user is None or user.status is UserStatus.DELETED:
        field = "email" if email is not None else "user_id"
        raise InvalidInput(
            {field: "Nobody here has this address. Invite it into the course instead."}
            if email is not None
            else {field: "There is nobody with this id."}
        )
    return user


def require_open(course: Course) -> None:
    """Pass unless the course is a draft. Raises InvalidInput."""
    if course.status is CourseStatus.DRAFT:
        raise InvalidInput(
            {"course_id": "Publish the course first, or make it unlisted: nobody can open a draft."}
        )


def _settle_request(maker: Maker, enrollment: Enrollment) -> None:
    db.session.execute(
        update(EnrollmentRequest)
        .where(
            EnrollmentRequest.user_id == enrollment.user_id,
            EnrollmentRequest.course_id == enrollment.course_id,
            EnrollmentRequest.status == RequestStatus.PENDING,
        )
        .values(status=RequestStatus.APPROVED, decided_at=utcnow(), decided_by_id=maker.id)
        .execution_options(synchronize_session=False)
    )


def _row(found: Any) -> EnrollmentRow:
    *first, done, lesson_count, watched_at, completed_at = tuple(found)
    values: list[Any] = [*first, percent_of(done, lesson_count), watched_at, completed_at]
    return EnrollmentRow(*values)
