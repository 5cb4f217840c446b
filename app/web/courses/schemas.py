"""The JSON of courses: what is read and what is answered."""

from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, StringConstraints

from app.domain.courses.admission import MAX_NOTE_LENGTH
from app.domain.courses.admission_models import RequestStatus
from app.domain.courses.models import (
    CourseStatus,
    EnrollmentPolicy,
    EnrollmentSource,
    LessonKind,
    Level,
)
from app.domain.courses.ways_in import PrimaryAction
from app.web.json import Body


class Enroll(Body):
    """Enrolling needs nothing but the address: prices and rights are looked up.

    Where staff decides, `note` may say something about oneself.
    """

    note: Annotated[str, StringConstraints(max_length=MAX_NOTE_LENGTH)] = ""


class MoneyDocument(BaseModel):
    """An amount in minor units of an ISO 4217 currency; 0 is free."""

    amount_minor: int
    currency: str


class CategoryDocument(BaseModel):
    """The shelf a course stands on."""

    slug: str
    name: str


class InstructorDocument(BaseModel):
    """Who teaches."""

    name: str
    headline: str | None = None
    bio: str | None = None


class CourseDocument(BaseModel):
    """A course in a list; `progress_percent` is null unless one is enrolled."""

    id: UUID
    slug: str
    title: str
    pitch: str
    category: CategoryDocument
    instructor: InstructorDocument
    level: Level
    language: str
    lesson_count: int
    duration_seconds: int
    learner_count: int
    price: MoneyDocument
    is_enrolled: bool
    progress_percent: int | None


class CoursesDocument(BaseModel):
    """A page of courses. `total` counts up to 1,200; `corrected_query` replaced a misspelt one."""

    items: list[CourseDocument]
    page: int
    pages: int
    total: int
    corrected_query: str | None


class EnrolledCourseDocument(CourseDocument):
    """A course of one's own, with the lesson to go on with."""

    completed_lessons: int
    continue_lesson_id: UUID | None
    enrolled_at: AwareDatetime
    last_watched_at: AwareDatetime | None
    completed_at: AwareDatetime | None


class EnrolledCoursesDocument(BaseModel):
    """A page of one's own courses, the ones watched last first."""

    items: list[EnrolledCourseDocument]
    page: int
    pages: int
    total: int


class LessonDocument(BaseModel):
    """A line of the outline; `preview` lessons are open to every account, `opens_at` is ahead."""

    id: UUID
    title: str
    kind: LessonKind
    duration_seconds: int
    preview: bool
    locked: bool
    opens_at: AwareDatetime | None
    completed: bool


class SectionDocument(BaseModel):
    """A chapter of the outline; it opens to a learner some days after the enrollment.

    `opens_at` is when it does for who asks: null once it is open, and unless one is enrolled.
    """

    id: UUID
    title: str
    duration_seconds: int
    opens_after_days: int
    opens_at: AwareDatetime | None
    lessons: list[LessonDocument]


class EnrollmentDocument(BaseModel):
    """A live enrollment."""

    id: UUID
    source: EnrollmentSource
    created_at: AwareDatetime
    completed_at: AwareDatetime | None


class RequestDocument(BaseModel):
    """A request to be let in, pending until staff decides."""

    status: RequestStatus
    created_at: AwareDatetime
    decided_at: AwareDatetime | None


class CourseDetailDocument(CourseDocument):
    """A course with its outline, as the asking person may see it; `description` is Markdown.

    `is_invited` when an invitation opens it to them; `request` is their own, if they made one.
    """

    status: CourseStatus
    description: str
    outcomes: list[str]
    requirements: list[str]
    published_at: AwareDatetime | None
    sections: list[SectionDocument]
    enrollment_policy: EnrollmentPolicy
    is_invited: bool
    request: RequestDocument | None
    enrollment: EnrollmentDocument | None
    primary_action: PrimaryAction
    continue_lesson_id: UUID | None


class EnrolledDocument(BaseModel):
    """The enrollment that was asked for, new or not."""

    enrollment: EnrollmentDocument


class RequestedDocument(BaseModel):
    """The request that waits for staff, new or not."""

    request: RequestDocument
