"""The data measured against: people signed in, a catalog, a two-hour video, live streams."""

import hashlib
import json
import uuid
from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy import insert, text, update

from app.clock import utcnow
from app.database import db
from app.domain.accounts.models import LoginSession, User
from app.domain.accounts.sessions import SignedIn, find_signed_in
from app.domain.courses.models import Course, Enrollment, EnrollmentSource, LessonKind
from app.domain.playback import sessions
from app.domain.playback.models import PlaybackSession
from tests import factories
from tests.bench.load import Request

PEOPLE = 2000
STREAMS = 300
COURSES = 60
TWO_HOURS = 2 * 3600.0
COOKIE = "session"
BEAT_ENDS = (130.5, 160.5, 190.5, 220.5)


def _token(number: int) -> str:
    return hashlib.sha256(f"bench {number}".encode()).hexdigest()


def cookie(number: int) -> str:
    """Return the Cookie header of person `number`."""
    return f"{COOKIE}={_token(number)}"


def furnish() -> uuid.UUID:
    """Fill the empty database; return the id of the lesson that everybody may watch."""
    category = factories.make_category()
    instructor = factories.make_user(factories.Role.INSTRUCTOR)
    courses = [factories.make_course(instructor, category) for _ in range(COURSES)]
    section = factories.make_section(courses[0])
    video = factories.make_ready_video(TWO_HOURS)
    lesson = factories.make_lesson(
        section, kind=LessonKind.VIDEO, duration_seconds=int(TWO_HOURS), video_id=video.id
    )
    _add_people(courses[0])
    db.session.commit()
    db.session.execute(text("ANALYZE"))
    db.session.commit()
    return lesson.id


def _add_people(course: Course) -> None:
    now = utcnow()
    ids = [uuid.uuid4() for _ in range(PEOPLE)]
    db.session.execute(
        insert(User),
        [
            {"id": key, "email": f"bench{n}@example.com", "name": f"Bench {n}"}
            for n, key in enumerate(ids)
        ],
    )
    db.session.execute(
        insert(LoginSession),
        [
            {
                "user_id": key,
                "token_hash": hashlib.sha256(_token(n).encode()).digest(),
                "expires_at": now + timedelta(days=30),
            }
            for n, key in enumerate(ids)
        ],
    )
    source = EnrollmentSource.FREE
    db.session.execute(
        insert(Enrollment),
        [{"user_id": key, "course_id": course.id, "source": source} for key in ids],
    )


def _person(number: int) -> SignedIn:
    person = find_signed_in(_token(number))
    if person is None:
        raise LookupError(f"person {number} is not signed in")
    return person


def end_streams() -> None:
    """Forget every stream, so that no round pays for the one before."""
    db.session.execute(text("TRUNCATE playback_sessions"))
    db.session.commit()


def open_streams(lesson_id: uuid.UUID) -> Iterator[tuple[int, str, uuid.UUID]]:
    """Start a stream for each of the first people; yield (person, token, stream's id)."""
    started = []
    for number in range(STREAMS):
        stream = sessions.start(_person(number), lesson_id, "Bench", None)
        started.append((number, stream.token, stream.session_id))
    db.session.execute(update(PlaybackSession).values(opened_at=utcnow()))
    db.session.commit()
    return iter(started)


def token_requests(lesson_id: uuid.UUID) -> list[Request]:
    """Return a request for a playback token by each person."""
    body = json.dumps({"lesson_id": str(lesson_id)})
    return [Request("POST", "/api/playback/token", cookie(n), body) for n in range(PEOPLE)]


def see_everybody(ago: timedelta = timedelta(0)) -> None:
    """Have everybody seen so long ago; who was not seen for a minute is written down again."""
    db.session.execute(update(LoginSession).values(last_seen_at=utcnow() - ago))
    db.session.commit()


def me_requests(people: int = STREAMS) -> list[Request]:
    """Return the question who one is, by each of many signed-in people."""
    return [Request("GET", "/api/auth/me", cookie(n)) for n in range(people)]


def catalog_requests() -> list[Request]:
    """Return a request for the catalog by each of many signed-in people."""
    return [Request("GET", "/courses", cookie(n)) for n in range(STREAMS)]


def manifest_requests(lesson_id: uuid.UUID) -> list[Request]:
    """Return a request for the manifest of each of many fresh streams."""
    return [
        Request("GET", f"/api/player/manifest?token={token}", cookie(number))
        for number, token, _ in open_streams(lesson_id)
    ]


def variant_requests(lesson_id: uuid.UUID) -> list[Request]:
    """Return a request for a two-hour playlist of each of many streams."""
    return [
        Request("GET", f"/api/playback/sessions/{stream}/renditions/720p.m3u8", cookie(number))
        for number, _, stream in open_streams(lesson_id)
    ]


def heartbeat_requests(lesson_id: uuid.UUID) -> list[Request]:
    """Return several heartbeats of each of many streams, each with thirty new seconds."""
    streams = list(open_streams(lesson_id))
    return [
        Request(
            "POST",
            f"/api/playback/sessions/{stream}/heartbeat",
            cookie(number),
            json.dumps(
                {"position_seconds": end, "watched": [[end - 30.5, end]], "rate": 1.0}
                | {"playing": True}
            ),
        )
        for end in BEAT_ENDS
        for number, _, stream in streams
    ]
