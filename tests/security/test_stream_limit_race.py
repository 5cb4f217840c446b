"""Threat 6: fifty requests at once over several processes open as many streams as allowed."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask

from app.clock import utcnow
from app.database import db
from app.domain.accounts import sessions
from app.domain.accounts.clients import ClientInfo
from app.domain.accounts.models import User
from app.domain.courses.models import Lesson, LessonKind
from app.domain.playback.models import PlaybackSession
from tests import factories
from tests.support.http import Answer, Visitor
from tests.support.server import LiveServer

PARALLEL = 50
LIMIT = 2


@pytest.fixture
def lesson(committed_app: Flask) -> Lesson:
    """A lesson whose video is ready, in a database that servers see."""
    section = factories.make_section(factories.make_course())
    video = factories.make_ready_video()
    kind = LessonKind.VIDEO
    return factories.make_lesson(section, kind=kind, duration_seconds=60, video_id=video.id)


@pytest.fixture
def enrolled(lesson: Lesson) -> User:
    """Who may watch `lesson`."""
    user = factories.make_user()
    course = db.session.get_one(factories.Course, lesson.course_id)
    factories.make_enrollment(user, course)
    return user


def _visitor(server: LiveServer, user: User) -> Visitor:
    token = sessions.start(user, ClientInfo(ip="127.0.0.1", user_agent="race"))
    db.session.commit()
    return Visitor(server.url, {"session": token})


def _all_at_once(visitors: list[Visitor], body: dict[str, str]) -> list[Answer]:
    def ask(visitor: Visitor) -> Answer:
        return visitor.post("/api/playback/token", body)

    with ThreadPoolExecutor(len(visitors)) as threads:
        return list(threads.map(ask, visitors))


def _live_rows(user: User) -> int:
    db.session.rollback()
    rows = db.session.query(PlaybackSession).filter(
        PlaybackSession.user_id == user.id,
        PlaybackSession.ended_at.is_(None),
        PlaybackSession.lease_expires_at > utcnow(),
    )
    return rows.count()


@pytest.mark.parametrize("sign_ins", [1, 5], ids=["one sign-in", "five sign-ins"])
def test_exactly_as_many_streams_as_allowed_are_granted(
    serve: Callable[..., LiveServer], enrolled: User, lesson: Lesson, sign_ins: int
) -> None:
    server = serve(MAX_STREAMS=str(LIMIT), PLAYBACK_TOKENS_PER_MINUTE="600", WEB_WORKERS="2")
    devices = [_visitor(server, enrolled) for _ in range(sign_ins)]
    visitors = [Visitor(server.url, dict(d.cookies)) for d in devices * (PARALLEL // sign_ins)]
    answers = _all_at_once(visitors, {"lesson_id": str(lesson.id)})
    statuses = Counter(answer.status for answer in answers)
    assert statuses == {201: LIMIT, 409: PARALLEL - LIMIT}
    assert _live_rows(enrolled) == LIMIT
    refusal = next(answer.json for answer in answers if answer.status == 409)
    assert refusal["code"] == "STREAM_LIMIT"
    assert 1 <= len(refusal["sessions"]) <= LIMIT


def test_taking_one_stream_over_at_once_replaces_it_once(
    serve: Callable[..., LiveServer], enrolled: User, lesson: Lesson
) -> None:
    """Ten clicks on "Watch here" end with the limit, never above it."""
    server = serve(MAX_STREAMS=str(LIMIT), PLAYBACK_TOKENS_PER_MINUTE="600")
    visitor = _visitor(server, enrolled)
    body = {"lesson_id": str(lesson.id)}
    first = visitor.post("/api/playback/token", body).json
    assert visitor.post("/api/playback/token", body).status == 201
    visitors = [Visitor(server.url, dict(visitor.cookies)) for _ in range(10)]
    answers = _all_at_once(visitors, {**body, "replace_session_id": first["session_id"]})
    assert Counter(answer.status for answer in answers) == {201: 1, 409: 9}
    assert _live_rows(enrolled) == LIMIT


def test_tokens_a_minute_are_exact_over_processes(
    serve: Callable[..., LiveServer], enrolled: User, lesson: Lesson
) -> None:
    server = serve(MAX_STREAMS="20", PLAYBACK_TOKENS_PER_MINUTE="5", WEB_WORKERS="2")
    visitor = _visitor(server, enrolled)
    visitors = [Visitor(server.url, dict(visitor.cookies)) for _ in range(20)]
    answers = _all_at_once(visitors, {"lesson_id": str(lesson.id)})
    assert Counter(answer.status for answer in answers) == {201: 5, 429: 15}
    refusal = next(answer for answer in answers if answer.status == 429)
    assert int(refusal.headers["Retry-After"]) >= 1
