"""A furnished house for servers and browsers: people, courses and one really transcoded clip.

Made once a session; the clip goes the whole way: source file, job, worker process, verified
renditions. Nothing of it is kept between sessions.
"""

import hashlib
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from app.clock import utcnow
from app.database import db
from app.domain.accounts.models import LoginSession, Role, User
from app.domain.courses.entitlement_models import Entitlement, EntitlementKind
from app.domain.courses.models import (
    Course,
    Enrollment,
    EnrollmentSource,
    Lesson,
    LessonKind,
    RevocationReason,
)
from app.domain.videos import captions, ingest
from app.domain.videos.models import Video, VideoStatus
from tests import factories
from tests.support.apps import made_app
from tests.support.media import make_source
from tests.support.server import LiveServer, gunicorn, running, wait_until

CLIP_SECONDS = 48.0
TRANSCODE_TIMEOUT_SECONDS = 240.0
PICTURE = "testsrc2=s={size}:r={rate}"
CAPTIONS = "WEBVTT\n\n00:00.500 --> 00:08.000\nThe warp is strung first.\n\n" + "".join(
    f"00:{second:02d}.000 --> 00:{second + 3:02d}.000\nLine {second}.\n\n"
    for second in range(9, 45, 4)
)


@dataclass(frozen=True)
class Person:
    """Somebody in the house; `token` is the value of their login cookie."""

    user_id: UUID
    email: str
    token: str


@dataclass(frozen=True)
class House:
    """Where everything is. `environment` starts further processes on the same data."""

    environment: dict[str, str]
    data_directory: Path
    video_id: UUID
    course_slug: str
    free_slug: str
    video_lesson: UUID
    preview_lesson: UUID
    text_lesson: UUID

    @property
    def media_directory(self) -> Path:
        """The files of the clip's served generation."""
        return self.data_directory / "media" / "media" / str(self.video_id)

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Give a session whose commits the running servers see."""
        engine = create_engine(database_url(self.environment))
        try:
            with Session(engine) as session:
                yield session
        finally:
            engine.dispose()

    def add_learner(self, *, enrolled: bool = True, role: Role = Role.LEARNER) -> Person:
        """Add somebody who is signed in already, with a stream count of their own."""
        number = uuid4().hex[:8]
        token = secrets.token_urlsafe(32)
        with self.session() as session:
            user = User(email=f"{role.value}-{number}@example.com", name="Lena Browser", role=role)
            session.add(user)
            session.flush()
            session.add(
                LoginSession(
                    user_id=user.id,
                    token_hash=hashlib.sha256(token.encode()).digest(),
                    expires_at=utcnow() + timedelta(days=1),
                )
            )
            if enrolled:
                course = session.query(Course).filter_by(slug=self.course_slug).one()
                ids = {"user_id": user.id, "course_id": course.id}
                source = EnrollmentSource.FREE
                session.add(Enrollment(source=source, **ids))
                session.add(Entitlement(source=source, kind=EntitlementKind.GRANT, **ids))
            session.commit()
            return Person(user.id, user.email, token)

    def revoke(self, person: Person) -> None:
        """Withdraw every enrollment of `person`."""
        with self.session() as session:
            reason = RevocationReason.STAFF
            for row in session.query(Enrollment).filter_by(user_id=person.user_id, revoked_at=None):
                row.revoked_at, row.revocation = utcnow(), reason
                ids = {"user_id": row.user_id, "course_id": row.course_id}
                kind = EntitlementKind.REVOCATION
                session.add(Entitlement(source=row.source, kind=kind, reason=reason, **ids))
            session.commit()

    @contextmanager
    def served(self, **settings: str) -> Iterator[LiveServer]:
        """Serve the house by a real gunicorn of two workers for the block."""
        with gunicorn({**self.environment, **settings}, self.data_directory) as server:
            yield server


def database_url(environment: dict[str, str]) -> str:
    """Return the database's address with its driver."""
    return environment["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg2://", 1)


def _people() -> None:
    for name, role in (
        ("learner", Role.LEARNER),
        ("outsider", Role.LEARNER),
        ("instructor", Role.INSTRUCTOR),
        ("admin", Role.ADMIN),
    ):
        factories.make_user(
            role,
            password=factories.PASSWORD,
            email=f"{name}@example.com",
            name=f"{name.title()} Example",
            headline="Weaver and teacher" if role is Role.INSTRUCTOR else None,
        )


def _courses(video: Video) -> Course:
    instructor = db.session.query(User).filter_by(role=Role.INSTRUCTOR).one()
    crafts = factories.make_category(name="Crafts", slug="crafts")
    course = factories.make_course(
        instructor, crafts, slug="weaving-by-hand", title="Weaving by hand"
    )
    section = factories.make_section(course, title="The loom")
    common = {"kind": LessonKind.VIDEO, "video_id": video.id, "duration_seconds": 0}
    factories.make_lesson(section, 1, title="Stringing the warp", **common)
    factories.make_lesson(section, 2, title="A first look", is_preview=True, **common)
    factories.make_lesson(section, 3, title="Reading list", body="# Books\n\n*On weaving*.")
    free = factories.make_course(instructor, crafts, slug="first-knots", title="First knots")
    factories.make_lesson(factories.make_section(free), title="Welcome", **common)
    factories.make_course(
        instructor, crafts, slug="big-loom", title="The big loom", price_minor=4900
    )
    factories.make_course(instructor, slug="dyeing", title="Dyeing with plants")
    learner = db.session.query(User).filter_by(email="learner@example.com").one()
    factories.make_enrollment(learner, course)
    return course


def _lessons(course: Course) -> list[UUID]:
    statement = select(Lesson.id).where(Lesson.course_id == course.id).order_by(Lesson.position)
    return list(db.session.scalars(statement))


def _transcode(environment: dict[str, str], directory: Path, video_id: UUID) -> None:
    """Have a worker process transcode the queued video, then stop it."""
    log = directory / "worker.log"
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "worker"]

    def is_done() -> bool:
        db.session.rollback()
        video = db.session.get_one(Video, video_id, populate_existing=True)
        assert video.status is not VideoStatus.FAILED, f"{video.error_detail}\n{log.read_text()}"
        assert process.poll() is None, f"the worker ended:\n{log.read_text()}"
        return video.status is VideoStatus.READY

    with running(command, environment, log) as process:
        wait_until(is_done, TRANSCODE_TIMEOUT_SECONDS, "the clip is transcoded", 0.5)


def build(environment: dict[str, str], directory: Path) -> House:
    """Furnish the empty, migrated database that `environment` names."""
    source = make_source(
        directory / "clip.mp4", seconds=CLIP_SECONDS, size="854x480", rate="25", picture=PICTURE
    )
    with made_app(environment) as app, app.app_context():
        _people()
        video = ingest.add_from_file(source, "Stringing the warp")
        captions.add(video, "en", "English", CAPTIONS)
        course = _courses(video)
        db.session.commit()
        _transcode(environment, directory, video.id)
        lessons = _lessons(course)
        return House(
            environment=environment,
            data_directory=directory,
            video_id=video.id,
            course_slug="weaving-by-hand",
            free_slug="first-knots",
            video_lesson=lessons[0],
            preview_lesson=lessons[1],
            text_lesson=lessons[2],
        )
