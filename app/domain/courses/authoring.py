"""Making courses: a lesson's video, and the counts that the catalog reads instead of counting."""

import math
import uuid
from collections.abc import Iterable

from sqlalchemy import func, or_, select, update

from app.clock import utcnow
from app.database import db
from app.domain.courses.models import Course, Lesson, LessonKind
from app.domain.courses.public_pages import refresh_pages
from app.domain.videos.models import Video
from app.errors import NotFound


def set_lesson_video(lesson_id: uuid.UUID, video: Video) -> Lesson:
    """Make `video` what the lesson shows; its duration follows once it is known.

    A lesson that plays goes on playing what it has until `video` plays, too. Raises NotFound for
    an unknown lesson.
    """
    course_id = db.session.scalar(select(Lesson.course_id).where(Lesson.id == lesson_id))
    _lock_courses([course_id] if course_id else [])
    lesson = db.session.get(Lesson, lesson_id, with_for_update={"key_share": True})
    if lesson is None:
        raise NotFound("There is no lesson with this id.")
    if _plays_another(lesson, video):
        lesson.incoming_video_id = video.id
        db.session.flush()
        return lesson
    lesson.kind = LessonKind.VIDEO
    lesson.video_id, lesson.incoming_video_id = video.id, None
    lesson.duration_seconds = _whole_seconds(video.duration_seconds)
    db.session.flush()
    recount(lesson.course_id)
    return lesson


def _plays_another(lesson: Lesson, video: Video) -> bool:
    """Whether the lesson shows a video that plays, and `video` is another that does not yet."""
    # The row is locked, so that the worker's switch comes either before this look or after it.
    db.session.refresh(video, with_for_update={"key_share": True, "read": True})
    if lesson.kind is not LessonKind.VIDEO or lesson.video_id in (None, video.id):
        return False
    shown = db.session.get(Video, lesson.video_id)
    return shown is not None and shown.generation is not None and video.generation is None


def hold_courses(video_id: uuid.UUID) -> None:
    """Lock the courses that show a video, before the video itself is locked.

    Editors lock a course first and what is in it then; the other way round they would deadlock.
    """
    _lock_courses(
        db.session.scalars(
            select(Lesson.course_id).where(
                or_(Lesson.video_id == video_id, Lesson.incoming_video_id == video_id)
            )
        )
    )


def _lock_courses(course_ids: Iterable[uuid.UUID]) -> None:
    for course_id in sorted(set(course_ids)):
        db.session.execute(
            select(Course.id).where(Course.id == course_id).with_for_update(key_share=True)
        )


def follow_video(video: Video) -> None:
    """Let the lessons that wait for `video` show it, and those that show it have its duration.

    Called when a transcode made it playable or found out how long it is.
    """
    if video.generation is not None:
        db.session.execute(
            update(Lesson)
            .where(Lesson.incoming_video_id == video.id)
            .values(video_id=video.id, incoming_video_id=None, kind=LessonKind.VIDEO)
        )
    courses = db.session.scalars(
        update(Lesson)
        .where(Lesson.video_id == video.id)
        .values(duration_seconds=_whole_seconds(video.duration_seconds))
        .returning(Lesson.course_id)
    )
    for course_id in sorted(set(courses)):
        recount(course_id)
        refresh_pages(db.session.get_one(Course, course_id))


def recount(course_id: uuid.UUID) -> None:
    """Set a course's lesson count and duration from its lessons."""
    # The row is locked first, so that of two writers the later one counts what the other wrote.
    _lock_courses([course_id])
    lessons = (
        select(func.count(), func.coalesce(func.sum(Lesson.duration_seconds), 0))
        .where(Lesson.course_id == course_id)
        .subquery()
    )
    count, seconds = lessons.c
    db.session.execute(
        update(Course)
        .where(Course.id == course_id)
        .values(
            lesson_count=select(count).scalar_subquery(),
            duration_seconds=select(seconds).scalar_subquery(),
            updated_at=utcnow(),
        )
        .execution_options(synchronize_session="fetch")
    )


def _whole_seconds(seconds: float | None) -> int:
    # Rounded up: the last part of a second is watched too.
    return math.ceil(seconds or 0)
