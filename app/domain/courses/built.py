"""The shapes in which the makers of a course see it; `builder` fills them."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from app.domain.courses.models import CourseStatus, EnrollmentPolicy, LessonKind, Level
from app.domain.videos.models import VideoStatus
from app.errors import NotFound


@dataclass(frozen=True, slots=True)
class MediaState:
    """How far a lesson's video is; `seconds_left` is an estimate of the running transcode."""

    id: uuid.UUID
    title: str
    status: VideoStatus
    stage: str | None
    progress_percent: int
    seconds_left: int | None
    is_playable: bool
    is_complete: bool
    error_code: str | None
    error_detail: str | None


@dataclass(frozen=True, slots=True)
class FileView:
    """A file of a lesson: its document or one of its resources."""

    id: uuid.UUID
    lesson_id: uuid.UUID
    filename: str
    content_type: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class BuiltLesson:
    """A lesson with the state of what it shows; `files` are its resources."""

    id: uuid.UUID
    course_id: uuid.UUID
    section_id: uuid.UUID
    title: str
    kind: LessonKind
    position: int
    is_preview: bool
    duration_seconds: int
    body: str
    version: int
    updated_at: datetime
    video: MediaState | None
    incoming_video: MediaState | None
    document: FileView | None
    files: tuple[FileView, ...]


@dataclass(frozen=True, slots=True)
class BuiltSection:
    """A section and its lessons in order."""

    id: uuid.UUID
    course_id: uuid.UUID
    title: str
    position: int
    opens_after_days: int
    version: int
    lessons: tuple[BuiltLesson, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseFacts:
    """A course in any state, less its description. Prices are minor units of `currency`."""

    id: uuid.UUID
    slug: str
    title: str
    pitch: str
    category_id: uuid.UUID
    category_slug: str
    category_name: str
    hue: int
    instructor_id: uuid.UUID
    instructor_name: str
    level: Level
    language: str
    status: CourseStatus
    price_minor: int
    currency: str
    outcomes: list[str]
    requirements: list[str]
    enrollment_policy: EnrollmentPolicy
    has_certificate: bool
    has_discussion: bool
    seat_limit: int | None
    cover_id: uuid.UUID | None
    version: int
    outline_version: int
    lesson_count: int
    duration_seconds: int
    learner_count: int
    created_at: datetime
    updated_at: datetime
    published_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltCourse(CourseFacts):
    """A course with all that is in it."""

    description: str
    sections: tuple[BuiltSection, ...]

    @property
    def lessons(self) -> tuple[BuiltLesson, ...]:
        """All lessons in order."""
        return tuple(lesson for section in self.sections for lesson in section.lessons)

    def section(self, section_id: uuid.UUID) -> BuiltSection:
        """Return one of the sections. Raises NotFound."""
        for section in self.sections:
            if section.id == section_id:
                return section
        raise NotFound

    def lesson(self, lesson_id: uuid.UUID) -> BuiltLesson:
        """Return one of the lessons. Raises NotFound."""
        for lesson in self.lessons:
            if lesson.id == lesson_id:
                return lesson
        raise NotFound


@dataclass(frozen=True, slots=True)
class Versions:
    """What an open builder compares to learn that somebody else changed something."""

    version: int
    outline_version: int
    sections: Mapping[uuid.UUID, int]
    lessons: Mapping[uuid.UUID, int]
