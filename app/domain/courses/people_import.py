"""Letting many people into courses at once, from a CSV file; first without doing it."""

import enum
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import select

from app.database import db
from app.domain.accounts import importing
from app.domain.accounts.importing import Line
from app.domain.accounts.models import User, UserStatus
from app.domain.courses.charge import Maker, own_courses, owner_of, require_maker
from app.domain.courses.models import Course, CourseStatus, Enrollment
from app.domain.courses.roster import let_in
from app.errors import InvalidInput


class Outcome(enum.StrEnum):
    """What a line brings about."""

    ACCOUNT_AND_ENROLLMENT = "account_and_enrollment"
    ACCOUNT = "account"
    ENROLLMENT = "enrollment"
    NOTHING = "nothing"
    FAULT = "fault"


MAKES_ACCOUNT = (Outcome.ACCOUNT_AND_ENROLLMENT, Outcome.ACCOUNT)
ENROLS = (Outcome.ACCOUNT_AND_ENROLLMENT, Outcome.ENROLLMENT)


@dataclass(frozen=True, slots=True)
class Planned:
    """A line, what it brings about, and where it is wrong why; `user_id` once there is one."""

    line: Line
    course: Course | None
    outcome: Outcome
    fault: str | None = None
    user_id: uuid.UUID | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What a file brings about, line by line."""

    lines: Sequence[Planned]

    @property
    def account_count(self) -> int:
        """How many accounts are made."""
        return sum(planned.outcome in MAKES_ACCOUNT for planned in self.lines)

    @property
    def enrollment_count(self) -> int:
        """How many enrollments are made."""
        return sum(planned.outcome in ENROLS for planned in self.lines)

    @property
    def fault_count(self) -> int:
        """How many lines are left out because something is wrong with them."""
        return sum(planned.outcome is Outcome.FAULT for planned in self.lines)


class _Known:
    """What is there already: people, courses, and who is in what."""

    def __init__(self, maker: Maker, lines: Sequence[Line], course_id: uuid.UUID | None) -> None:
        addresses = {line.email for line in lines if line.fault is None}
        slugs = {line.course for line in lines if line.course and "\0" not in line.course}
        users = db.session.scalars(select(User).where(User.email.in_(addresses)))
        self.people: dict[str, User | None] = {user.email.lower(): user for user in users}
        found = db.session.scalars(
            select(Course).where(
                own_courses(owner_of(maker)), Course.slug.in_(slugs) | (Course.id == course_id)
            )
        ).all()
        self.courses = {course.slug: course for course in found}
        self.default = next((course for course in found if course.id == course_id), None)
        if course_id is not None and self.default is None:
            raise InvalidInput({"course_id": "Choose a course."})
        ids = [user.id for user in self.people.values() if user is not None]
        self.inside = _inside(ids, [course.id for course in found])
        self.seen: dict[tuple[str, uuid.UUID | None], int] = {}


def plan(maker: Maker, lines: Sequence[Line], course_id: uuid.UUID | None) -> Report:
    """Say what the lines would bring about; nothing is done.

    Lines without a course go into `course_id`, or into none. Raises Forbidden, and InvalidInput
    where there is no such course.
    """
    require_maker(maker)
    known = _Known(maker, lines, course_id)
    return Report([_plan(known, line) for line in lines])


def carry_out(maker: Maker, lines: Sequence[Line], course_id: uuid.UUID | None) -> Report:
    """Do what `plan` says, lines with faults left out; people are told by mail. Raises as it does.

    Doing it a second time changes nothing.
    """
    planned = plan(maker, lines, course_id).lines
    return Report([_carry_out(maker, one) for one in planned])


def _plan(known: _Known, line: Line) -> Planned:
    course = known.courses.get(line.course) if line.course else known.default
    if fault := _fault(known, line, course):
        return Planned(line, course, Outcome.FAULT, fault)
    known.seen[line.email, course.id if course else None] = line.number
    is_new = line.email not in known.people
    known.people.setdefault(line.email, None)
    user = known.people[line.email]
    if course is None:
        return Planned(line, None, Outcome.ACCOUNT if is_new else Outcome.NOTHING)
    if is_new:
        return Planned(line, course, Outcome.ACCOUNT_AND_ENROLLMENT)
    is_inside = user is not None and (user.id, course.id) in known.inside
    return Planned(line, course, Outcome.NOTHING if is_inside else Outcome.ENROLLMENT)


def _fault(known: _Known, line: Line, course: Course | None) -> str | None:
    if line.fault:
        return line.fault
    if line.course and course is None:
        return "There is no such course. Write the last part of its address."
    if course is not None and course.status is CourseStatus.DRAFT:
        return "The course is a draft: publish it first, or make it unlisted."
    user = known.people.get(line.email)
    if user is not None and user.status is not UserStatus.ACTIVE:
        return "This account is suspended."
    if line.email not in known.people and not line.name:
        return "Nobody here has this address; give a name for the new account."
    if (line.email, course.id if course else None) in known.seen:
        return "An earlier line says the same."
    return None


def _carry_out(maker: Maker, planned: Planned) -> Planned:
    if planned.outcome in (Outcome.FAULT, Outcome.NOTHING):
        return planned
    line, course = planned.line, planned.course
    title, language = (course.title, course.language) if course else ("", None)
    # Somebody an earlier line brought in, or another import meanwhile, is not made twice.
    user, is_new = importing.add_person(line.email, line.name, title, language)
    if course is not None:
        let_in(maker, course, user, is_told=not is_new)
    return Planned(line, course, planned.outcome, user_id=user.id)


def _inside(
    user_ids: Iterable[uuid.UUID], course_ids: Iterable[uuid.UUID]
) -> set[tuple[uuid.UUID, uuid.UUID]]:
    rows = db.session.execute(
        select(Enrollment.user_id, Enrollment.course_id).where(
            Enrollment.user_id.in_(list(user_ids)),
            Enrollment.course_id.in_(list(course_ids)),
            Enrollment.revoked_at.is_(None),
        )
    )
    return {(row.user_id, row.course_id) for row in rows}
