"""What a course needs before learners may see it, and how far it is seen."""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from app.clock import utcnow
from app.database import db
from app.domain.courses.charge import Maker, course_in_charge
from app.domain.courses.course_edits import OPEN_STATUSES, Changed, require_version
from app.domain.courses.models import Course, CourseStatus, Lesson, LessonKind, Section
from app.domain.outbox import pages
from app.domain.videos.models import CaptionTrack, Video, VideoStatus
from app.errors import CourseNotReady


@dataclass(frozen=True, slots=True)
class CheckItem:
    """One thing to have; what is not required is good advice. `lesson_id` says where."""

    code: str
    message: str
    is_done: bool
    is_required: bool = True
    lesson_id: uuid.UUID | None = None
    lesson_title: str | None = None


def checklist(maker: Maker, course_id: uuid.UUID) -> list[CheckItem]:
    """List what the course has and lacks. Raises NotFound, Forbidden."""
    return check(course_in_charge(maker, course_id))


def check(course: Course) -> list[CheckItem]:
    """List what the course has and lacks, lessons in their order."""
    lessons = _lessons(course.id)
    return [*_of_course(course, lessons), *_of_lessons(lessons)]


def set_status(
    maker: Maker, course_id: uuid.UUID, status: CourseStatus, version: int | None = None
) -> Changed:
    """Make the course seen by all, by who has its address, by who is enrolled, or by its makers.

    Raises NotFound, Forbidden, VersionConflict, and CourseNotReady with what is missing.
    """
    course = course_in_charge(maker, course_id, lock=True)
    before = course.status
    if before is status:
        return Changed(course)
    require_version(course, version)
    if status in OPEN_STATUSES:
        require_ready(course)
        course.published_at = course.published_at or utcnow()
    course.status = status
    course.version += 1
    db.session.flush()
    db.session.refresh(course)
    if before in OPEN_STATUSES or status in OPEN_STATUSES:
        pages.refresh(course.slug)
    return Changed(course, {"status": before})


def require_ready(course: Course) -> None:
    """Let a course pass that has all it needs. Raises CourseNotReady."""
    missing = [item for item in check(course) if item.is_required and not item.is_done]
    if missing:
        raise CourseNotReady(checklist=[as_document(item) for item in missing])


def as_document(item: CheckItem) -> dict[str, Any]:
    """Return an item as JSON has it."""
    return {
        "code": item.code,
        "message": item.message,
        "is_done": item.is_done,
        "is_required": item.is_required,
        "lesson_id": item.lesson_id,
        "lesson_title": item.lesson_title,
    }


def _lessons(course_id: uuid.UUID) -> Sequence[Any]:
    captions = (
        select(func.count())
        .where(CaptionTrack.video_id == Lesson.video_id)
        .correlate(Lesson)
        .scalar_subquery()
    )
    return db.session.execute(
        select(
            Lesson.id,
            Lesson.title,
            Lesson.kind,
            Lesson.body,
            Lesson.is_preview,
            Lesson.video_id,
            Lesson.document_id,
            Video.status,
            Video.generation,
            captions.label("caption_count"),
        )
        .join(Section, Section.id == Lesson.section_id)
        .outerjoin(Video, Video.id == Lesson.video_id)
        .where(Lesson.course_id == course_id)
        .order_by(Section.position, Lesson.position)
    ).all()


def _of_course(course: Course, lessons: Sequence[Any]) -> Iterator[CheckItem]:
    yield CheckItem("PITCH", "Say in one sentence what people get.", bool(course.pitch))
    yield CheckItem("DESCRIPTION", "Describe the course.", bool(course.description.strip()))
    yield CheckItem("LESSONS", "Add at least one lesson.", bool(lessons))
    yield CheckItem("OUTCOMES", "List what people will learn.", bool(course.outcomes), False)
    yield CheckItem("COVER", "Upload a cover picture.", course.cover_id is not None, False)
    if course.price_minor:
        has_preview = any(lesson.is_preview for lesson in lessons)
        yield CheckItem("PREVIEW", "Open one lesson as a free preview.", has_preview, False)


def _of_lessons(lessons: Sequence[Any]) -> Iterator[CheckItem]:
    for lesson in lessons:
        code, message, is_done = _READY[lesson.kind](lesson)
        yield CheckItem(code, message, is_done, True, lesson.id, lesson.title)
        if lesson.kind is LessonKind.VIDEO and lesson.generation is not None:
            has_captions = bool(lesson.caption_count)
            yield CheckItem(
                "CAPTIONS", "Add captions to the video.", has_captions, False, *lesson[:2]
            )


def _video(lesson: Any) -> tuple[str, str, bool]:
    if lesson.video_id is None:
        return "VIDEO_MISSING", "Upload a video.", False
    if lesson.generation is not None:
        return "VIDEO", "The video plays.", True
    if lesson.status is VideoStatus.FAILED:
        return "VIDEO_FAILED", "The video could not be prepared. Try it again.", False
    return "VIDEO_NOT_READY", "The video is still being prepared.", False


def _text(lesson: Any) -> tuple[str, str, bool]:
    is_written = bool(lesson.body.strip())
    return ("TEXT", "The text is written.", True) if is_written else _NO_TEXT


def _document(lesson: Any) -> tuple[str, str, bool]:
    has_one = lesson.document_id is not None
    return ("DOCUMENT", "The PDF is there.", True) if has_one else _NO_DOCUMENT


_NO_TEXT = ("TEXT_EMPTY", "Write the text.", False)
_NO_DOCUMENT = ("DOCUMENT_MISSING", "Upload a PDF.", False)
_READY = {LessonKind.VIDEO: _video, LessonKind.TEXT: _text, LessonKind.PDF: _document}
