"""What a course looks like in an archive: a zip with a manifest and the files it names.

Everything in here is checked as it is read; an archive may come from anybody.
"""

import re
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from app.domain.courses.lesson_fields import MAX_LESSONS, MAX_SECTIONS
from app.domain.courses.models import EnrollmentPolicy, LessonKind, Level

FORMAT = "course-archive"
VERSION = 1
MANIFEST = "course.json"
COVER = "cover.webp"
MAX_MANIFEST_BYTES = 32 * 1024**2
MAX_CAPTION_BYTES = 4 * 1024**2
MAX_COVER_BYTES = 8 * 1024**2
MAX_ENTRIES = 20_000
PATH = re.compile(
    r"cover\.webp|videos/\d{1,5}\.(?:mp4|mkv|avi)|captions/\d{1,5}\.[A-Za-z0-9-]{2,35}\.vtt"
    r"|files/\d{1,5}"
)

Text = Annotated[str, StringConstraints(max_length=200_000)]
Line = Annotated[str, StringConstraints(max_length=500)]
Path = Annotated[str, StringConstraints(max_length=80, pattern=f"^(?:{PATH.pattern})$")]


class Strict(BaseModel):
    """Unknown and missing names are faults."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ArchivedEntry(Strict):
    """A file of the archive, and what must turn out to be in it."""

    path: Path
    size_bytes: int = Field(ge=0, le=1024**4)
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class ArchivedCaptions(Strict):
    language: Line
    label: Line
    path: Path


class ArchivedVideo(Strict):
    """A video's source with its captions; it is transcoded anew where it arrives."""

    title: Line
    path: Path
    captions: tuple[ArchivedCaptions, ...] = Field(default=(), max_length=100)


class ArchivedFile(Strict):
    filename: Line
    path: Path


class ArchivedLesson(Strict):
    """A lesson; `video` counts through the archive's videos from 0."""

    title: Line
    kind: LessonKind
    is_preview: bool = False
    duration_seconds: int = Field(default=0, ge=0, le=12 * 3600)
    body: Text = ""
    video: int | None = Field(default=None, ge=0)
    document: ArchivedFile | None = None
    files: tuple[ArchivedFile, ...] = Field(default=(), max_length=50)


class ArchivedSection(Strict):
    title: Line
    opens_after_days: int = Field(default=0, ge=0, le=3650)
    lessons: tuple[ArchivedLesson, ...] = Field(default=(), max_length=MAX_LESSONS)


class ArchivedPrice(Strict):
    amount_minor: int
    currency: Line


class ArchivedCourse(Strict):
    """A course's own fields; `category` is the slug of its shelf."""

    title: Line
    pitch: Line = ""
    description: Text = ""
    category: Line
    level: Level
    language: Line
    price: ArchivedPrice
    outcomes: tuple[Line, ...] = Field(default=(), max_length=100)
    requirements: tuple[Line, ...] = Field(default=(), max_length=100)
    enrollment_policy: EnrollmentPolicy = EnrollmentPolicy.OPEN
    has_certificate: bool = False
    has_discussion: bool = True
    seat_limit: int | None = None
    has_cover: bool = False


class Manifest(Strict):
    """What the archive holds and how it hangs together."""

    format: Literal["course-archive"]
    version: Literal[1]
    made_at: Line
    course: ArchivedCourse
    sections: tuple[ArchivedSection, ...] = Field(default=(), max_length=MAX_SECTIONS)
    videos: tuple[ArchivedVideo, ...] = Field(default=(), max_length=MAX_LESSONS)
    entries: tuple[ArchivedEntry, ...] = Field(default=(), max_length=MAX_ENTRIES)

    @property
    def lessons(self) -> tuple[ArchivedLesson, ...]:
        """Return all lessons in their order."""
        return tuple(lesson for section in self.sections for lesson in section.lessons)

    def named_paths(self) -> list[str]:
        """Return every path that something in the course refers to."""
        paths = [COVER] if self.course.has_cover else []
        for video in self.videos:
            paths += [video.path, *(captions.path for captions in video.captions)]
        for lesson in self.lessons:
            files = (*lesson.files, *([lesson.document] if lesson.document else []))
            paths += [file.path for file in files]
        return paths
