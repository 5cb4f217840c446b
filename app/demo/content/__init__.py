"""Reads the demo's content: people and courses, kept as TOML beside this file."""

import math
import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from app.demo.clips import CLIPS
from app.domain.accounts.models import Role
from app.domain.courses.models import CourseStatus, EnrollmentPolicy, Level

FOLDER = Path(__file__).parent
FILES = FOLDER / "files"
WORDS_PER_MINUTE = 160
DAMAGED = "damaged"  # the name of the video whose upload was cut off


class Strict(BaseModel):
    """Content is checked as it is read: unknown or missing names are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class CategoryContent(Strict):
    slug: str
    name: str
    description: str
    hue: int = Field(ge=0, lt=360)


class LessonContent(Strict):
    """A lesson; with a `video` (a clip's key or "damaged") its body holds the notes beside it.

    A `document` (a PDF) makes it a PDF lesson; that and `files` lie in the folder `files`.
    """

    title: str
    body: str
    video: str | None = None
    is_preview: bool = False
    document: str | None = None
    files: tuple[str, ...] = ()

    @property
    def duration_seconds(self) -> int:
        """Return the length of the video, or the time it takes to read the text."""
        if self.video in CLIPS:
            return CLIPS[self.video].duration_seconds
        return max(60, math.ceil(len(self.body.split()) / WORDS_PER_MINUTE * 2) * 30)


class SectionContent(Strict):
    title: str
    opens_after_days: int = Field(default=0, ge=0)
    lessons: tuple[LessonContent, ...] = Field(min_length=1)


class CourseContent(Strict):
    """A course; `price_minor` is in minor units of `currency`."""

    slug: str
    title: str
    pitch: str
    description: str
    category: str
    instructor: str
    level: Level
    language: str = "en"
    status: CourseStatus = CourseStatus.PUBLISHED
    enrollment_policy: EnrollmentPolicy = EnrollmentPolicy.OPEN
    price_minor: int = Field(default=0, ge=0)
    currency: str = "ETB"
    published_days_ago: int = Field(ge=1)
    cover: str | None = None
    outcomes: tuple[str, ...] = Field(min_length=3)
    requirements: tuple[str, ...] = Field(min_length=1)
    sections: tuple[SectionContent, ...] = Field(min_length=1)

    @property
    def lessons(self) -> tuple[LessonContent, ...]:
        """Return all lessons in their order."""
        return tuple(lesson for section in self.sections for lesson in section.lessons)


class Attendance(Strict):
    """How far a learner has come in a course.

    The first `completed_lessons` are done; of the next one the first `watched_seconds` were seen.
    """

    course: str
    completed_lessons: int = Field(ge=0)
    watched_seconds: int = Field(default=0, ge=0)
    last_seen_hours_ago: int = Field(default=30, ge=0)


class Asking(Strict):
    """A wish to be let into a course whose staff decides, still waiting."""

    course: str
    note: str
    asked_hours_ago: int = Field(ge=0)


class Person(Strict):
    """An account; only those that `signs_in` have a password."""

    email: str
    name: str
    role: Role = Role.LEARNER
    signs_in: bool = False
    headline: str | None = None
    bio: str | None = None
    courses: tuple[Attendance, ...] = ()
    requests: tuple[Asking, ...] = ()


class People(Strict):
    people: tuple[Person, ...]


class Categories(Strict):
    categories: tuple[CategoryContent, ...]


def _read(path: Path) -> dict[str, object]:
    return tomllib.loads(path.read_text(encoding="utf-8"))


def load_people() -> tuple[Person, ...]:
    """Return every demo account. Raises ValidationError when the file is wrong."""
    return People.model_validate(_read(FOLDER / "people.toml")).people


def load_categories() -> tuple[CategoryContent, ...]:
    """Return the shelves of the catalog in their order."""
    return Categories.model_validate(_read(FOLDER / "categories.toml")).categories


def load_courses() -> tuple[CourseContent, ...]:
    """Return every demo course, oldest first."""
    files = sorted((FOLDER / "courses").glob("*.toml"))
    courses = [CourseContent.model_validate(_read(path)) for path in files]
    return tuple(sorted(courses, key=lambda course: -course.published_days_ago))
