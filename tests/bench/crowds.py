"""Row 10, too: a learner's page and their streams among few and among millions of enrollments."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import select, text

from app.database import db
from app.demo.bulk import bulk_courses
from app.domain.courses.models import Course, LessonKind
from tests import factories
from tests.bench.growth import compare, filling, goal, trusting
from tests.bench.rows import Goal
from tests.bench.site import DURABLE
from tests.bench.sizes import Sizes
from tests.support import player
from tests.support.apps import made_app
from tests.support.client import CheckedClient, sign_in
from tests.support.known_secrets import SECRETS
from tests.support.player import Stream
from tests.support.postgres import temporary_server
from tests.support.server import ROOT

COURSES = 36
OWN_COURSES = 12
FEW = 1_000
LEASES = 10
CROWD = """
INSERT INTO users (id, email, name, role, status, created_at)
    SELECT ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid,
        'crowd' || n || '@example.com', 'Person ' || n, 'learner', 'active', now()
    FROM generate_series(1, :people) AS n;
INSERT INTO login_sessions
    (id, token_hash, user_id, created_at, last_seen_at, authenticated_at, expires_at)
    SELECT id, decode(md5(email), 'hex'), id, now(), now(), now(), now() + interval '1 day'
    FROM users WHERE email LIKE 'crowd%';
INSERT INTO enrollments (id, user_id, course_id, source, created_at)
    SELECT gen_random_uuid(), u.id, c.id, 'free', now() - random() * interval '700 days'
    FROM users u CROSS JOIN courses c WHERE u.email LIKE 'crowd%' AND c.slug LIKE 'bulk-%';
"""
STREAMS = """
INSERT INTO playback_sessions (id, code, user_id, login_session_id, lesson_id, video_id, generation,
    device, created_at, heartbeat_at, lease_expires_at, keys_issued)
SELECT gen_random_uuid(), 'crowd' || n, p.id, p.id, l.id, l.video_id, 1,
    'Bench', now(), now(), now() + interval '1 hour', 0
FROM generate_series(CAST(:first AS integer), CAST(:last AS integer)) AS n
JOIN lessons l ON l.video_id IS NOT NULL
JOIN users p ON p.email = 'crowd' || (1 + n % :people)
"""


@dataclass
class Crowd:
    """An application on a database with so many enrollments, and one learner's open stream."""

    app: Flask
    stream: Stream
    lesson_id: uuid.UUID
    people: int
    leases: int = 0

    def add_leases(self, count: int) -> None:
        """Have others watch until so many streams are live."""
        values = {"first": self.leases + 1, "last": count, "people": self.people}
        with self.app.app_context(), filling("playback_sessions"):
            _run(STREAMS, **values)
        self.leases = count

    def see_own_courses(self) -> None:
        """Open the page of one's courses."""
        _require(self.stream.client.get("/dashboard").status_code, 200)

    def take_stream(self) -> None:
        """Ask for another stream, which checks the access and takes a lease, and stop it."""
        client = self.stream.client
        answer = player.request_token(client, self.lesson_id)
        _require(answer.status_code, 201)
        _require(Stream(client, answer.get_json()).stop().status_code, 204)

    def beat(self) -> None:
        """Report what was played."""
        _require(self.stream.heartbeat(9.0, watched=[[0, 9]]).status_code, 200)


def _require(status: int, expected: int) -> None:
    if status != expected:
        raise RuntimeError(f"an answer was {status}, not {expected}")


def _run(statements: str, **values: int) -> None:
    for statement in statements.split(";\n"):
        if statement.strip():
            db.session.execute(text(statement), values)
    db.session.commit()


@contextmanager
def _crowd(url: str, directory: Path, enrollments: int) -> Iterator[Crowd]:
    settings = {"APP_ENV": "development", "DATABASE_URL": url, "DATA_DIR": str(directory)}
    more = {"PUBLIC_BASE_URL": "http://localhost", "LOG_LEVEL": "warning", "MAX_STREAMS": "20"}
    lasting = {"PLAYBACK_LEASE_SECONDS": "600", "PLAYBACK_TOKENS_PER_MINUTE": "600"}
    with made_app({**settings, **more, **lasting, **SECRETS}) as app, app.app_context():
        upgrade(directory=str(ROOT / "migrations"))
        bulk_courses(COURSES)
        people = max(enrollments // COURSES, 1)
        with filling("users", "login_sessions", "enrollments"):
            _run(CROWD, people=people)
        learner = factories.make_user(name="Lea Learner")
        courses = list(db.session.scalars(select(Course).order_by(Course.slug).limit(OWN_COURSES)))
        section = factories.make_section(courses[0], 2)
        video = factories.make_ready_video()
        lesson = factories.make_lesson(section, kind=LessonKind.VIDEO, video_id=video.id)
        for course in courses:
            factories.make_enrollment(learner, course)
        client = app.test_client()
        assert isinstance(client, CheckedClient)
        sign_in(client, learner)
        stream = player.start(client, lesson).open()
        crowd = Crowd(app, stream, lesson.id, people)
        db.session.remove()
        crowd.add_leases(LEASES)
        yield crowd


def measure(say: Callable[[str], None], sizes: Sizes, rounds: int) -> list[Goal]:
    """Compare the crowds, interleaved; then again with more and more streams at once."""
    acts = {"learner's page": Crowd.see_own_courses, "taking a stream": Crowd.take_stream}
    ratios: dict[str, dict[int, list[float]]] = {name: {} for name in acts}
    found: list[Goal] = []
    with ExitStack() as stack:
        server = stack.enter_context(temporary_server(DURABLE))
        trusting(server)
        scratch = Path(stack.enter_context(TemporaryDirectory(prefix="crowds-")))
        few, many = (
            stack.enter_context(_crowd(server.create_database(f"crowd_{n}"), scratch, n))
            for n in (FEW, sizes.enrollments)
        )
        say(f"growth: {sizes.enrollments:,} enrollments made")
        for number in range(-1, rounds):
            for name, act in acts.items():
                _turn(number, {FEW: few, sizes.enrollments: many}, act, ratios[name])
        for name, each in ratios.items():
            what = f"{name}, {FEW:,} to {sizes.enrollments:,} enrollments"
            found.append(goal(what, f"{FEW:,}", each[sizes.enrollments]))
        for leases in sizes.leases:
            many.add_leases(leases)
            beats: dict[int, list[float]] = {}
            for number in range(-1, rounds):
                _turn(number, {LEASES: few, leases: many}, Crowd.beat, beats)
            what = f"heartbeat, {LEASES} to {leases:,} leases"
            found.append(goal(what, f"{LEASES} leases", beats[leases]))
            say(f"growth: heartbeats among {leases:,} leases done")
    return found


def _turn(
    number: int,
    crowds: dict[int, Crowd],
    act: Callable[[Crowd], None],
    ratios: dict[int, list[float]],
) -> None:
    """Take one round; the one before the first warms up."""
    ordered = crowds if number % 2 else dict(reversed(crowds.items()))
    timed = {size: (lambda crowd=crowd: act(crowd)) for size, crowd in ordered.items()}
    compare(timed, ratios if number >= 0 else {})
