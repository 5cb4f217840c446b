"""Honest progress, for any ranges a player may send."""

import uuid

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.database import db
from app.domain.accounts.models import User
from app.domain.courses import progress
from app.domain.courses.completion import course_percent, percent_of
from app.domain.courses.models import Course, Enrollment, Lesson, LessonKind, LessonProgress
from app.errors import EnrollmentRequired, InvalidInput, NotFound
from tests import factories
from tests.support.overlap import overlapping
from tests.support.statements import recorded

SECONDS = 60
NO_LIMIT = 10**6
numbers = st.integers(min_value=-50, max_value=400)
ranges = st.lists(st.tuples(numbers, numbers), max_size=8)
beats = st.lists(ranges, min_size=1, max_size=5)
properties = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def _seconds(parts: list[tuple[int, int]]) -> set[int]:
    """Which whole seconds of the lesson the ranges cover."""
    return {second for first, last in parts for second in range(max(first, 0), min(last, SECONDS))}


def _record(user: User, lesson: Lesson, parts: list[tuple[int, int]], **values: object):
    defaults = {"position_seconds": 0.0, "max_new_seconds": NO_LIMIT, **values}
    return progress.record(user.id, lesson.id, lesson.course_id, ranges=parts, **defaults)


def _row(user: User, lesson: Lesson) -> LessonProgress:
    db.session.expire_all()
    return db.session.get_one(LessonProgress, (user.id, lesson.id))


@properties
@given(beats)
def test_watched_is_the_union_of_all_that_was_shown(enrolled, video_lesson, beats) -> None:
    db.session.query(LessonProgress).delete()
    seen: set[int] = set()
    for parts in beats:
        recorded_now = _record(enrolled, video_lesson, parts)
        seen |= _seconds(parts)
        assert recorded_now.watched_seconds == len(seen)
        assert recorded_now.lesson_completed is (len(seen) >= 0.9 * SECONDS)
        assert 0 <= recorded_now.course_percent <= 100


@properties
@given(beats, st.integers(min_value=0, max_value=40))
def test_a_heartbeat_adds_no_more_than_its_budget(enrolled, video_lesson, beats, budget) -> None:
    db.session.query(LessonProgress).delete()
    before = 0
    for parts in beats:
        after = _record(enrolled, video_lesson, parts, max_new_seconds=budget).watched_seconds
        assert before <= after <= min(before + budget, SECONDS)
        before = after


@properties
@given(st.floats(min_value=-1000, max_value=1e9))
def test_seeking_anywhere_completes_nothing(enrolled, video_lesson, position) -> None:
    db.session.query(LessonProgress).delete()
    done = _record(enrolled, video_lesson, [], position_seconds=position)
    assert (done.lesson_completed, done.watched_seconds, done.course_percent) == (False, 0, 0)
    assert 0 <= _row(enrolled, video_lesson).position_seconds <= SECONDS


@given(st.integers(0, 500), st.integers(-5, 400))
def test_percent_is_whole_and_bounded(completed: int, lessons: int) -> None:
    percent = percent_of(completed, lessons)
    assert 0 <= percent <= 100
    if lessons > 0:
        assert (percent == 100) is (completed >= lessons)


def test_watching_twice_adds_nothing(enrolled: User, video_lesson: Lesson) -> None:
    _record(enrolled, video_lesson, [(0, 30)])
    assert _record(enrolled, video_lesson, [(0, 30)] * 20).watched_seconds == 30


def test_the_earliest_new_seconds_fit_the_budget_first(enrolled, video_lesson) -> None:
    _record(enrolled, video_lesson, [(5, 10)])
    _record(enrolled, video_lesson, [(30, 60), (0, 12)], max_new_seconds=9)
    assert _row(enrolled, video_lesson).watched == "{[0,12),[30,32)}"


def test_completion_comes_at_ninety_percent_and_stays(enrolled, video_lesson) -> None:
    assert _record(enrolled, video_lesson, [(0, 53)]).lesson_completed is False
    done = _record(enrolled, video_lesson, [(53, 54)])
    assert (done.lesson_completed, done.newly_completed) == (True, True)
    later = _record(enrolled, video_lesson, [])
    assert (later.lesson_completed, later.newly_completed) == (True, False)


def test_first_heartbeat_may_complete_a_lesson(enrolled: User, video_lesson: Lesson) -> None:
    done = _record(enrolled, video_lesson, [(0, 60)])
    assert (done.lesson_completed, done.newly_completed) == (True, True)
    assert done.course_percent == 33


def test_a_lesson_of_unknown_length_is_not_completed_by_watching(enrolled, text_lesson) -> None:
    done = _record(enrolled, text_lesson, [(0, 1000)], position_seconds=12.0)
    assert (done.lesson_completed, done.watched_seconds) == (False, 0)


def test_position_is_remembered(enrolled: User, video_lesson: Lesson) -> None:
    _record(enrolled, video_lesson, [], position_seconds=12.25)
    assert _row(enrolled, video_lesson).position_seconds == 12.25


@pytest.mark.parametrize("position", [float("nan"), float("inf"), float("-inf")])
def test_a_position_that_is_no_number_is_refused(enrolled, video_lesson, position) -> None:
    with pytest.raises(InvalidInput):
        _record(enrolled, video_lesson, [], position_seconds=position)


def test_a_lesson_of_another_course_is_nothing(enrolled: User, video_lesson: Lesson) -> None:
    other = factories.make_course()
    for course_id in (other.id, uuid.uuid4()):
        with pytest.raises(NotFound):
            progress.record(enrolled.id, video_lesson.id, course_id, 0.0, [], 10)


def test_a_heartbeat_is_one_statement(enrolled: User, video_lesson: Lesson) -> None:
    with recorded() as statements:
        _record(enrolled, video_lesson, [(0, 20)])
    assert len(statements) == 1


def test_the_enrollment_knows_the_last_lesson(enrolled, enrollment, video_lesson) -> None:
    _record(enrolled, video_lesson, [(0, 5)])
    db.session.refresh(enrollment)
    assert enrollment.last_lesson_id == video_lesson.id
    assert enrollment.last_watched_at is not None


def test_a_course_is_complete_with_its_last_lesson(
    enrolled: User,
    enrollment: Enrollment,
    video_lesson: Lesson,
    preview_lesson: Lesson,
    text_lesson: Lesson,
) -> None:
    _record(enrolled, video_lesson, [(0, 60)])
    progress.mark_complete(enrolled.id, text_lesson.id)
    db.session.refresh(enrollment)
    assert enrollment.completed_at is None
    assert _record(enrolled, preview_lesson, [(0, 60)]).course_percent == 100
    db.session.refresh(enrollment)
    assert enrollment.completed_at is not None


def test_ticking_off_counts_once(enrolled: User, course: Course, text_lesson: Lesson) -> None:
    assert progress.mark_complete(enrolled.id, text_lesson.id).newly_completed is True
    again = progress.mark_complete(enrolled.id, text_lesson.id)
    assert (again.newly_completed, again.course_percent) == (False, 33)
    assert course_percent(enrolled.id, course.id) == 33


def test_ticking_off_keeps_what_was_watched(enrolled: User, video_lesson: Lesson) -> None:
    _record(enrolled, video_lesson, [(0, 10)], position_seconds=10.0)
    progress.mark_complete(enrolled.id, video_lesson.id)
    row = _row(enrolled, video_lesson)
    assert (row.watched, row.position_seconds) == ("{[0,10)}", 10.0)


def test_only_who_may_watch_ticks_off(outsider: User, text_lesson: Lesson) -> None:
    with pytest.raises(EnrollmentRequired):
        progress.mark_complete(outsider.id, text_lesson.id)


def test_ticking_off_asks_for_the_right_course(enrolled: User, text_lesson: Lesson) -> None:
    with pytest.raises(NotFound):
        progress.mark_complete(enrolled.id, text_lesson.id, slug="another-course")


@pytest.fixture
def pair(committed_app: Flask) -> tuple[User, Course, list[Lesson]]:
    """A learner, committed, in a course of two films."""
    course, user = factories.make_course(), factories.make_user()
    factories.make_enrollment(user, course)
    section = factories.make_section(course)
    film = {"kind": LessonKind.VIDEO, "duration_seconds": SECONDS}
    return user, course, [factories.make_lesson(section, n, **film) for n in (1, 2)]


def test_two_last_lessons_completed_at_once_complete_the_course(
    committed_app: Flask, pair: tuple[User, Course, list[Lesson]]
) -> None:
    """Neither transaction sees the other's lesson; the course must still come out complete."""
    user, course, lessons = pair
    _record(user, lessons[0], [(0, 1)])  # so that its next heartbeat need not touch the enrollment
    db.session.commit()
    user_id, course_id, (first, second) = user.id, course.id, [lesson.id for lesson in lessons]
    overlapping(
        committed_app,
        lambda: progress.record(user_id, first, course_id, 60.0, [(0, 60)], NO_LIMIT),
        lambda: progress.record(user_id, second, course_id, 60.0, [(0, 60)], NO_LIMIT),
    )
    assert db.session.query(Enrollment).one().completed_at is not None


def test_parallel_heartbeats_lose_no_second(
    committed_app: Flask, pair: tuple[User, Course, list[Lesson]]
) -> None:
    """Two devices send different halves at once: the union survives."""
    user, course, (lesson, _) = pair
    user_id, course_id, lesson_id = user.id, course.id, lesson.id
    overlapping(
        committed_app,
        lambda: progress.record(user_id, lesson_id, course_id, 1.0, [(0, 20)], NO_LIMIT),
        lambda: progress.record(user_id, lesson_id, course_id, 1.0, [(20, 40)], NO_LIMIT),
    )
    assert db.session.query(LessonProgress).one().watched == "{[0,40)}"
