"""A lesson's video and the counts that follow from it."""

import uuid

import pytest
from flask import Flask

from app.database import db
from app.domain.courses.authoring import follow_video, recount, set_lesson_video
from app.domain.courses.models import Course, Lesson, LessonKind
from app.domain.videos.models import Video, VideoStatus
from app.errors import NotFound
from tests import factories
from tests.support.overlap import overlapping


def test_a_lesson_takes_its_videos_length(course: Course, text_lesson: Lesson) -> None:
    video = factories.make_video(duration_seconds=71.2)
    lesson = set_lesson_video(text_lesson.id, video)
    assert (lesson.kind, lesson.video_id, lesson.duration_seconds) == (
        LessonKind.VIDEO,
        video.id,
        72,
    )
    db.session.refresh(course)
    assert (course.lesson_count, course.duration_seconds) == (3, 192)


def test_a_length_learned_later_reaches_lesson_and_course(
    course: Course, text_lesson: Lesson
) -> None:
    video = factories.make_video(VideoStatus.QUEUED)
    assert set_lesson_video(text_lesson.id, video).duration_seconds == 0
    video.duration_seconds = 30.0
    follow_video(video)
    db.session.refresh(text_lesson)
    db.session.refresh(course)
    assert (text_lesson.duration_seconds, course.duration_seconds) == (30, 150)


def test_a_video_in_two_courses_is_followed_by_both(course: Course, text_lesson: Lesson) -> None:
    video = factories.make_video(VideoStatus.QUEUED)
    other = factories.make_lesson(factories.make_section(factories.make_course()))
    for lesson in (text_lesson, other):
        set_lesson_video(lesson.id, video)
    video.duration_seconds = 10.0
    follow_video(video)
    other_course = db.session.get_one(Course, other.course_id)
    db.session.refresh(other_course)
    db.session.refresh(course)
    assert (other_course.duration_seconds, course.duration_seconds) == (10, 130)


def test_an_unknown_lesson_takes_no_video() -> None:
    with pytest.raises(NotFound):
        set_lesson_video(uuid.uuid4(), factories.make_video())


def test_recounting_mends_wrong_counts(course: Course) -> None:
    course.lesson_count, course.duration_seconds = 99, 0
    db.session.commit()
    recount(course.id)
    db.session.refresh(course)
    assert (course.lesson_count, course.duration_seconds) == (3, 120)


def test_a_course_without_lessons_counts_none() -> None:
    course = factories.make_course(lesson_count=4, duration_seconds=9)
    recount(course.id)
    db.session.refresh(course)
    assert (course.lesson_count, course.duration_seconds) == (0, 0)


def test_writers_at_once_leave_the_right_sum(committed_app: Flask) -> None:
    """Each of them counts; the one that waited for the row counts what the other wrote."""
    course = factories.make_course()
    section = factories.make_section(course)
    lesson_ids = [factories.make_lesson(section, position).id for position in (1, 2)]
    video_id = factories.make_video(duration_seconds=10.0).id

    def attach(lesson_id: uuid.UUID) -> None:
        set_lesson_video(lesson_id, db.session.get_one(Video, video_id))

    overlapping(committed_app, lambda: attach(lesson_ids[0]), lambda: attach(lesson_ids[1]))
    db.session.refresh(course)
    assert (course.lesson_count, course.duration_seconds) == (2, 20)
