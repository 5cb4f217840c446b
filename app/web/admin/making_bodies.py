"""The JSON of making courses: what is sent. The domain checks what the values may be.

In a PATCH a field that is absent stays as it is; `version` is the one that was changed, and
without it the last write wins.
"""

from typing import Annotated, Any
from uuid import UUID

from flask import request
from pydantic import Field

from app.domain.courses.models import CourseStatus, EnrollmentPolicy, LessonKind, Level
from app.errors import InvalidInput
from app.web.admin.queries import Text, read_query
from app.web.admin.schemas import PageQuery
from app.web.json import Body

MAX_MARKDOWN = 100_000
Absent: Any = Field(default=None)


class CoursesQuery(PageQuery):
    """Which courses are listed; `q` is a part of a title, an address or a teacher's name."""

    q: Text = ""
    status: CourseStatus | None = None
    category_id: UUID | None = None


class OutlineQuery(PageQuery):
    """Whose sections or lessons are listed."""

    course_id: UUID


class NewCourse(Body):
    """A draft; without a category it stands on the first shelf."""

    title: str
    category_id: UUID | None = None
    language: str = "en"


class Price(Body):
    """Money in minor units of an ISO 4217 currency; 0 is free."""

    amount_minor: int
    currency: str


class CourseChange(Body):
    """New values of a course's fields. `status` goes through the checklist.

    A null `seat_limit` lets any number of people in.
    """

    version: int | None = None
    title: str = Absent
    slug: str = Absent
    pitch: str = Absent
    description: str = Absent
    category_id: UUID = Absent
    level: Level = Absent
    language: str = Absent
    price: Price = Absent
    outcomes: list[str] = Absent
    requirements: list[str] = Absent
    enrollment_policy: EnrollmentPolicy = Absent
    has_certificate: bool = Absent
    has_discussion: bool = Absent
    seat_limit: int | None = Absent
    status: CourseStatus = Absent
    instructor_id: UUID = Absent


class NewSection(Body):
    """A section, at the end of its course without a position (from 1)."""

    course_id: UUID
    title: str
    position: int | None = None


class SectionChange(Body):
    """New values of a section; `position` (from 1) moves it."""

    version: int | None = None
    title: str = Absent
    opens_after_days: int = Absent
    position: int = Absent


class NewLesson(Body):
    """A lesson, at the end of its section without a position (from 1)."""

    section_id: UUID
    title: str
    kind: LessonKind = LessonKind.VIDEO
    body: str = ""
    is_preview: bool = False
    position: int | None = None


class LessonChange(Body):
    """New values of a lesson; a place moves it, a null `video_id` takes its video off."""

    version: int | None = None
    title: str = Absent
    kind: LessonKind = Absent
    body: str = Absent
    is_preview: bool = Absent
    video_id: UUID | None = Absent
    section_id: UUID = Absent
    position: int = Absent


class OrderedSection(Body):
    """A section and all its lessons, in order."""

    id: UUID
    lessons: list[UUID]


class Outline(Body):
    """Every section and lesson of the course, once, and the version of the order it replaces."""

    outline_version: int
    sections: list[OrderedSection]


class MarkdownSource(Body):
    """Markdown as somebody types it."""

    source: Annotated[str, Field(max_length=MAX_MARKDOWN)]


class Copy(Body):
    """No fields."""


def changes_of(body: Body) -> dict[str, Any]:
    """Return what was sent, less the version."""
    return body.model_dump(exclude_unset=True, exclude={"version"})


def read_courses_query() -> CoursesQuery:
    """Return which courses the address asks for. Raises InvalidInput."""
    query = read_query(CoursesQuery)
    if "\0" in query.q:
        raise InvalidInput({"q": "Use letters and digits."})
    return query


def read_course_id() -> UUID:
    """Return the course that the address names. Raises InvalidInput."""
    try:
        return UUID(request.args.get("course_id", ""))
    except ValueError as error:
        raise InvalidInput({"course_id": "Name the course by its id."}) from error
