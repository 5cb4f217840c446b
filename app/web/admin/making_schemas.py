"""The JSON of making courses: what is answered."""

from uuid import UUID

from pydantic import AwareDatetime, BaseModel

from app.domain.courses.models import CourseStatus, EnrollmentPolicy, LessonKind, Level
from app.domain.videos.models import VideoStatus


class MadePrice(BaseModel):
    """Money in minor units of an ISO 4217 currency; 0 is free."""

    amount_minor: int
    currency: str


class MadeCategory(BaseModel):
    """The shelf a course stands on; `hue` (0-359) colours its drawn cover."""

    id: UUID
    slug: str
    name: str
    hue: int


class MadeInstructor(BaseModel):
    """Who teaches it."""

    id: UUID
    name: str


class MadeCover(BaseModel):
    """The uploaded cover picture."""

    id: UUID
    url: str


class MadeError(BaseModel):
    """What went wrong: a stable code and the end of the tool's own words."""

    code: str | None
    detail: str | None


class MediaStateDocument(BaseModel):
    """How far a video is; it plays once `is_playable`, in all qualities once `is_complete`."""

    id: UUID
    title: str
    status: VideoStatus
    stage: str | None
    progress_percent: int
    seconds_left: int | None
    is_playable: bool
    is_complete: bool
    error: MadeError | None


class MadeFile(BaseModel):
    """A file of a lesson."""

    id: UUID
    lesson_id: UUID
    filename: str
    content_type: str
    size_bytes: int
    url: str


class MadeLesson(BaseModel):
    """A lesson; `incoming_video` replaces `video` once it plays."""

    id: UUID
    course_id: UUID
    section_id: UUID
    title: str
    kind: LessonKind
    position: int
    is_preview: bool
    duration_seconds: int
    body: str
    version: int
    updated_at: AwareDatetime
    video: MediaStateDocument | None
    incoming_video: MediaStateDocument | None
    document: MadeFile | None
    files: list[MadeFile]


class MadeSection(BaseModel):
    """A section; it opens to a learner `opens_after_days` after the enrollment."""

    id: UUID
    course_id: UUID
    title: str
    position: int
    opens_after_days: int
    version: int
    lessons: list[MadeLesson]


class MadeCourseRow(BaseModel):
    """A course in any state, as a list has it."""

    id: UUID
    slug: str
    title: str
    pitch: str
    category: MadeCategory
    instructor: MadeInstructor
    level: Level
    language: str
    status: CourseStatus
    price: MadePrice
    outcomes: list[str]
    requirements: list[str]
    enrollment_policy: EnrollmentPolicy
    has_certificate: bool
    has_discussion: bool
    seat_limit: int | None
    cover: MadeCover | None
    version: int
    outline_version: int
    lesson_count: int
    duration_seconds: int
    learner_count: int
    created_at: AwareDatetime
    updated_at: AwareDatetime
    published_at: AwareDatetime | None


class MadeCourse(MadeCourseRow):
    """A course with all that is in it; `description` is Markdown."""

    description: str
    sections: list[MadeSection]


class MadeCoursesDocument(BaseModel):
    """Courses, newest first."""

    items: list[MadeCourseRow]
    next_cursor: str | None


class MadeCourseDocument(BaseModel):
    """One course."""

    course: MadeCourse


class MadeSectionDocument(BaseModel):
    """One section, and the version that the order of its course now has."""

    section: MadeSection
    outline_version: int


class MadeSectionsDocument(BaseModel):
    """The sections of a course, in order."""

    items: list[MadeSection]
    outline_version: int


class MadeLessonDocument(BaseModel):
    """One lesson, and the version that the order of its course now has."""

    lesson: MadeLesson
    outline_version: int


class MadeLessonsDocument(BaseModel):
    """The lessons of a course, in order."""

    items: list[MadeLesson]
    outline_version: int


class CheckItemDocument(BaseModel):
    """One thing to have before publishing; what is not required is advice."""

    code: str
    message: str
    is_done: bool
    is_required: bool
    lesson_id: UUID | None
    lesson_title: str | None


class ChecklistDocument(BaseModel):
    """What the course has and lacks."""

    items: list[CheckItemDocument]


class VersionsDocument(BaseModel):
    """The versions of a course, its order, its sections and its lessons, by id."""

    version: int
    outline_version: int
    sections: dict[str, int]
    lessons: dict[str, int]


class MarkdownDocument(BaseModel):
    """Markdown as the safe HTML that learners get."""

    html: str
