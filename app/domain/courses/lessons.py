"""The lesson page: one lesson, the course's outline around it, and where the learner stands."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from markupsafe import Markup
from sqlalchemy import Select, bindparam, select

from app.clock import utcnow
from app.database import db
from app.domain.accounts.models import Role
from app.domain.courses import markdown
from app.domain.courses.access import (
    IS_ADMIN,
    USER_ID,
    drips_from,
    is_visible,
    lesson_access_statement,
    live_enrollment,
    resume_position,
    unlocks,
)
from app.domain.courses.completion import percent_of
from app.domain.courses.files import OpenFile, files_column, open_files
from app.domain.courses.models import (
    Category,
    Course,
    Enrollment,
    Lesson,
    LessonKind,
    LessonProgress,
)
from app.domain.courses.outline import LessonView, SectionView, continue_lesson_id, list_sections
from app.domain.videos import transcripts
from app.domain.videos.models import Video
from app.domain.videos.transcripts import Paragraph
from app.errors import NotFound

PLAYABLE = "ready"
WITHOUT_VIDEO = "missing"


@dataclass(frozen=True, slots=True)
class LessonPage:
    """A lesson as one person sees it.

    `video_status` is "ready" as soon as a first rendition plays, else the state of the
    transcode, "missing" without a video, and None for a text or PDF lesson. `body_html`,
    `transcript`, `document` and `resources` are empty for who may not open the lesson. `index`
    counts from 1; `previous` and `next` are the nearest lessons this person may open,
    `next_opens_at` is when the one right behind this does if it is not open yet.
    """

    course_id: uuid.UUID
    course_slug: str
    course_title: str
    category_name: str
    hue: int
    cover_id: uuid.UUID | None
    sections: tuple[SectionView, ...]
    lesson: LessonView
    section_title: str
    previous: LessonView | None
    next: LessonView | None
    index: int
    count: int
    percent: int
    body_html: Markup
    transcript: tuple[Paragraph, ...]
    resume_position_seconds: float
    can_watch: bool
    is_enrolled: bool
    video_status: str | None
    document: OpenFile | None = None
    resources: tuple[OpenFile, ...] = ()
    next_opens_at: datetime | None = None

    @property
    def lesson_id(self) -> uuid.UUID:
        """The lesson's id."""
        return self.lesson.id

    @property
    def previous_id(self) -> uuid.UUID | None:
        """The lesson before this one, None at the start."""
        return self.previous.id if self.previous else None

    @property
    def next_id(self) -> uuid.UUID | None:
        """The lesson after this one, None at the end."""
        return self.next.id if self.next else None

    @property
    def completed_count(self) -> int:
        """How many lessons of the course are ticked."""
        return sum(section.completed_count for section in self.sections)


def _statement() -> Select[*tuple[Any, ...]]:
    return (
        lesson_access_statement()
        .add_columns(
            Lesson.body,
            Category.name.label("category_name"),
            Category.hue,
            Course.cover_id,
            Lesson.document_id,
            files_column().label("files"),
            Video.status.label("video_status"),
            Video.generation,
            LessonProgress.completed_at,
            unlocks(USER_ID, IS_ADMIN).label("unlocks_all"),
            drips_from(USER_ID, IS_ADMIN).label("drips_from"),
            transcripts.source(Lesson.video_id, Course.language).label("captions"),
        )
        .join(Category, Category.id == Course.category_id)
        .outerjoin(Video, Video.id == Lesson.video_id)
        .where(Course.slug == bindparam("slug"))
    )


_LESSON = _statement()


def get_lesson_page(
    slug: str, lesson_id: uuid.UUID, user_id: uuid.UUID, role: Role | None = None
) -> LessonPage:
    """Return a lesson of a course for its page. Raises NotFound, also for another course's."""
    asks = {"slug": slug, "lesson_id": lesson_id, "user_id": user_id}
    row = db.session.execute(
        _LESSON, {**asks, "is_admin": role is Role.ADMIN, "now": utcnow()}
    ).first()
    if row is None:
        raise NotFound
    sections = list_sections(
        row.course_id, user_id, unlocks_all=row.unlocks_all, drips_from=row.drips_from
    )
    line = [(section, lesson) for section in sections for lesson in section.lessons]
    index = next((i for i, (_, lesson) in enumerate(line) if lesson.id == lesson_id), None)
    if index is None:
        raise NotFound
    section, lesson = line[index]
    before = [other for _, other in line[:index] if not other.is_locked]
    behind = [other for _, other in line[index + 1 :]]
    files = open_files(row.files) if row.may_watch else ()
    return LessonPage(
        course_id=row.course_id,
        course_slug=slug,
        course_title=row.course_title,
        category_name=row.category_name,
        hue=row.hue,
        cover_id=row.cover_id,
        sections=sections,
        lesson=lesson,
        section_title=section.title,
        previous=before[-1] if before else None,
        next=next((other for other in behind if not other.is_locked), None),
        index=index + 1,
        count=len(line),
        percent=percent_of(sum(other.is_completed for _, other in line), len(line)),
        body_html=markdown.render(row.body) if row.may_watch else Markup(),
        transcript=transcripts.paragraphs(row.captions) if _may_read(row) else (),
        resume_position_seconds=resume_position(row.position_seconds, lesson.duration_seconds),
        can_watch=row.may_watch,
        is_enrolled=row.is_enrolled,
        video_status=_video_status(row, lesson.kind),
        document=next((file for file in files if file.id == row.document_id), None),
        resources=tuple(file for file in files if file.id != row.document_id),
        next_opens_at=behind[0].opens_at if behind else None,
    )


def _may_read(row: Any) -> bool:
    return bool(row.may_watch and row.captions and row.generation is not None)


def _video_status(row: Any, kind: LessonKind) -> str | None:
    if kind is not LessonKind.VIDEO:
        return None
    if row.generation is not None:
        return PLAYABLE
    return str(row.video_status or WITHOUT_VIDEO)


_START = (
    select(
        unlocks(USER_ID, IS_ADMIN).label("unlocks_all"),
        continue_lesson_id(USER_ID).label("lesson_id"),
    )
    .outerjoin(Enrollment, live_enrollment(USER_ID))
    .where(Course.slug == bindparam("slug"), is_visible(USER_ID, IS_ADMIN))
)


def find_lesson_to_continue(
    slug: str, user_id: uuid.UUID, role: Role | None = None
) -> uuid.UUID | None:
    """Find the lesson a person goes on with; None when the course is not open to them, or empty.

    Raises NotFound where the course does not exist for this person.
    """
    row = db.session.execute(
        _START,
        {"slug": slug, "user_id": user_id, "is_admin": role is Role.ADMIN, "now": utcnow()},
    ).first()
    if row is None:
        raise NotFound
    return row.lesson_id if row.unlocks_all else None
