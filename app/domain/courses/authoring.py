"""Making courses: a lesson's video, and the counts that the catalog reads instead of counting."""

import math
import uuid

from sqlalchemy import func, select, update

from app.clock import utcnow
from app.database import db
from app.domain.courses.models import Course, Lesson, LessonKind
from app.domain.videos.models import Video
from app.errors import NotFound


def set_lesson_video(lesson_id: uuid.UUID, video: Video) -> Lesson:
    """Make `video` what the lesson shows; its duration follows once it is known.

    Raises NotFound for an unknown lesson.
    """
    lesson = db.session.get(Lesson, lesson_id, with_for_update={"key_share": True})
    if lesson is None:
        raise NotFound("There is no lesson with this id.")
    lesson.kind = LessonKind.VIDEO
    lesson.video_id = video.id
    lesson.duration_seconds = _whole_seconds(video.duration_seconds)
    db.session.flush()
    recount(lesson.course_id)
    return lesson


def follow_video(video: Video) -> None:
    """Give the lessons that show `video` its duration; called when a transcode found it out."""
    courses = db.session.scalars(
        update(Lesson)
        .where(Lesson.video_id == video.id)
        .values(duration_seconds=_whole_seconds(video.duration_seconds))
        .returning(Lesson.course_id)
    )
    for course_id in sorted(set(courses)):
        recount(course_id)


def recount(course_id: uuid.UUID) -> None:
    """Set a course's lesson count and duration from its lessons."""
    # The row is locked first, so that of two writers the later one counts what the other wrote.
    db.session.execute(
        select(Course.id).where(Course.id == course_id).with_for_update(key_share=True)
    )
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
