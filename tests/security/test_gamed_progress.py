"""Progress is what was really watched: seeking, claiming and hurrying complete no lesson."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import text

from app.clock import shifted
from app.database import db
from app.domain.accounts import sessions
from app.domain.accounts.clients import ClientInfo
from app.domain.accounts.models import User
from app.domain.courses.models import Course, Lesson, LessonKind, LessonProgress
from tests import factories
from tests.support import player
from tests.support.client import CheckedClient
from tests.support.http import Visitor
from tests.support.player import Stream
from tests.support.server import LiveServer

ClientOf = Callable[[User], CheckedClient]
WATCHED = text(
    "SELECT coalesce(sum(upper(r) - lower(r)), 0) FROM lesson_progress, unnest(watched) AS r "
    "WHERE user_id = :user_id AND lesson_id = :lesson_id"
)


@pytest.fixture
def stream(client_of: ClientOf, enrolled: User, video_lesson: Lesson) -> Stream:
    """A stream that has just started; its lesson takes 60 s."""
    return player.start(client_of(enrolled), video_lesson)


def _watched(user: User, lesson: Lesson) -> int:
    db.session.commit()
    values = {"user_id": user.id, "lesson_id": lesson.id}
    return int(db.session.execute(WATCHED, values).scalar_one())


def test_seeking_to_the_end_completes_nothing(
    stream: Stream, enrolled: User, video_lesson: Lesson
) -> None:
    with shifted(timedelta(seconds=10)):
        answer = stream.heartbeat(59.5, watched=[[0, 2], [58, 59.5]]).get_json()
    assert answer["lesson_completed"] is False
    assert answer["course_percent"] == 0
    assert _watched(enrolled, video_lesson) <= 5


def test_claiming_everything_at_once_completes_nothing(
    stream: Stream, enrolled: User, video_lesson: Lesson
) -> None:
    answer = stream.heartbeat(59.0, watched=[[0, 60]]).get_json()
    assert answer["lesson_completed"] is False
    assert _watched(enrolled, video_lesson) <= 10


def test_many_quick_heartbeats_do_not_add_up(
    stream: Stream, enrolled: User, video_lesson: Lesson
) -> None:
    """Sixty claims of one second each, all in the same moment, are not a minute."""
    for second in range(60):
        answer = stream.heartbeat(float(second), watched=[[second, second + 1]])
        assert answer.status_code == 200
    assert answer.get_json()["lesson_completed"] is False
    assert _watched(enrolled, video_lesson) <= 15


def test_watching_at_the_fastest_rate_counts_in_full(
    stream: Stream, enrolled: User, video_lesson: Lesson
) -> None:
    for number in range(1, 3):
        with shifted(timedelta(seconds=15 * number)):
            end = 30.0 * number
            answer = stream.heartbeat(end, watched=[[end - 30, end]], rate=2.0).get_json()
    assert answer["lesson_completed"] is True
    assert _watched(enrolled, video_lesson) == 60


def test_watching_twice_is_not_more_than_everything(
    stream: Stream, enrolled: User, video_lesson: Lesson
) -> None:
    for number in range(1, 6):
        with shifted(timedelta(seconds=30 * number)):
            answer = stream.heartbeat(60.0, watched=[[0, 30], [30, 60], [0, 90]]).get_json()
    assert answer["course_percent"] <= 100
    assert _watched(enrolled, video_lesson) == 60


def test_a_preview_watched_by_an_outsider_completes_no_course(
    client_of: ClientOf, outsider: User, preview_lesson: Lesson
) -> None:
    stream = player.start(client_of(outsider), preview_lesson)
    with shifted(timedelta(seconds=60)):
        answer = stream.heartbeat(60.0, watched=[[0, 60]])
    assert answer.status_code == 200
    assert answer.get_json()["course_percent"] in (0, 33)


@pytest.fixture
def served_lesson(committed_app: Flask) -> Lesson:
    """A lesson of a minute in a database that servers see."""
    section = factories.make_section(factories.make_course())
    video = factories.make_ready_video()
    kind = LessonKind.VIDEO
    return factories.make_lesson(section, kind=kind, duration_seconds=60, video_id=video.id)


def _visitor(server: LiveServer, user: User) -> Visitor:
    token = sessions.start(user, ClientInfo(ip="127.0.0.1", user_agent="race"))
    db.session.commit()
    return Visitor(server.url, {"session": token})


def test_parallel_heartbeats_lose_nothing_and_gain_nothing(
    live_server: LiveServer, served_lesson: Lesson
) -> None:
    user = factories.make_user()
    factories.make_enrollment(user, db.session.get_one(Course, served_lesson.course_id))
    visitor = _visitor(live_server, user)
    body = {"lesson_id": str(served_lesson.id)}
    started = visitor.post("/api/playback/token", body).json
    path = f"/api/playback/sessions/{started['session_id']}/heartbeat"

    def beat(second: int) -> int:
        claim = {"position_seconds": second, "watched": [[second, second + 1]]}
        return Visitor(live_server.url, dict(visitor.cookies)).post(path, claim).status

    with ThreadPoolExecutor(20) as threads:
        statuses = set(threads.map(beat, range(60)))
    assert statuses == {200}
    assert _watched(user, served_lesson) <= 40
    assert db.session.query(LessonProgress).filter_by(completed_at=None).count() == 1


def test_twenty_clicks_enrol_once(live_server: LiveServer, committed_app: Flask) -> None:
    course = factories.make_course()
    user = factories.make_user()
    visitor = _visitor(live_server, user)

    def click(_: int) -> int:
        own = Visitor(live_server.url, dict(visitor.cookies))
        return own.post(f"/api/courses/{course.slug}/enroll", {}).status

    slug = course.slug
    with ThreadPoolExecutor(20) as threads:
        statuses = sorted(threads.map(click, range(20)))
    assert statuses == [200] * 19 + [201]
    db.session.rollback()
    assert db.session.query(Course).filter_by(slug=slug).one().learner_count == 1
