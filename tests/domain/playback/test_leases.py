"""What opens a lease or goes on with it waits for no disk, and what ends it does."""

import uuid
from collections.abc import Callable

from flask import Flask
from sqlalchemy import select, text

from app.database import NO_WAIT, db
from app.domain.accounts.models import User
from app.domain.accounts.sessions import SignedIn
from app.domain.courses.models import Lesson
from app.domain.playback import beats, keys, sessions
from app.domain.playback.beats import Beat
from tests.support.keys import person_of

WAIT = text("SET LOCAL synchronous_commit = on")
SHOWN = text("SHOW synchronous_commit")


def _waits(act: Callable[[], object]) -> bool:
    db.session.execute(WAIT)
    act()
    return db.session.scalar(SHOWN) != "off"


def _start(person: SignedIn, lesson: Lesson) -> uuid.UUID:
    return sessions.start(person, lesson.id, "Tests").session_id


def test_a_stream_opens_and_goes_on_without_waiting(enrolled: User, video_lesson: Lesson) -> None:
    person = person_of(enrolled)
    assert not _waits(lambda: _start(person, video_lesson))
    stream = _start(person, video_lesson)
    assert not _waits(lambda: beats.beat_alone(person, stream, Beat(3.0, [(0.0, 3.0)])))


def test_a_key_is_counted_without_waiting(enrolled: User, video_lesson: Lesson) -> None:
    person = person_of(enrolled)
    stream = _start(person, video_lesson)
    assert not _waits(lambda: keys.issue(person, stream, 0))


def test_stopping_a_stream_waits(enrolled: User, video_lesson: Lesson) -> None:
    person = person_of(enrolled)
    stream = _start(person, video_lesson)
    assert _waits(lambda: sessions.stop(person, stream))


def test_not_waiting_ends_with_the_statement(committed_app: Flask) -> None:
    with db.engine.connect() as connection:
        connection.execute(text("SET synchronous_commit = on"))
        connection.commit()
        connection.execute(select(NO_WAIT))
        assert connection.scalar(SHOWN) == "off"
        connection.commit()
        assert connection.scalar(SHOWN) == "on"
        connection.invalidate()
