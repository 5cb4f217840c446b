"""The ground every test stands on: PostgreSQL, the application, the cast, and honest skips."""

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import text
from sqlalchemy.orm import Session, scoped_session

from app.database import db
from app.domain.accounts import passwords
from app.domain.accounts.models import Role, User
from app.domain.courses.models import Course, Enrollment, Lesson, LessonKind
from app.integrations.stripe_gateway import StripeGateway
from app.web.extensions import limiter
from tests import factories
from tests.parts import (  # noqa: F401 - hooks that pytest finds here
    pytest_collection_modifyitems,
    pytest_configure,
    pytest_ignore_collect,
)
from tests.support.apps import made_app
from tests.support.client import CheckedClient, sign_in
from tests.support.house import House
from tests.support.house import build as build_house
from tests.support.known_secrets import SECRETS
from tests.support.postgres import Server, temporary_server
from tests.support.server import ROOT, LiveServer, gunicorn
from tests.support.stripe_stand_in import StripeStandIn, running_stand_in

CHEAP = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
CHEAP_DUMMY = CHEAP.hash("nobody's password")
IS_CI = os.environ.get("CI", "").lower() in ("1", "true", "yes")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):
    """Turn a skip into a failure when CI says that nothing may be missing."""
    report = yield
    if IS_CI and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, which CI=true forbids: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector):
    """Do the same for a module that skips itself while it is collected."""
    report = yield
    if IS_CI and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"{collector.nodeid} was skipped, which CI=true forbids"
    return report


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A server on which the tests may create databases: TEST_DATABASE_URL's or a throw-away one."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield Server(admin_url=given, owner="")
        return
    with temporary_server() as server:
        yield server


@pytest.fixture(scope="session")
def data_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the session's application keeps its files."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="session")
def environment(data_directory: Path) -> dict[str, str]:
    """The settings of every application under test, less its database."""
    return {
        "APP_ENV": "development",
        "PUBLIC_BASE_URL": "http://localhost",
        "DATA_DIR": str(data_directory),
        "DATABASE_POOL_SIZE": "5",
        "LOG_LEVEL": "WARNING",
        **SECRETS,
    }


@pytest.fixture(scope="session")
def template_database(postgres: Server, environment: dict[str, str]) -> Iterator[str]:
    """The name of a migrated, empty database that others are copied from."""
    name = f"template_{uuid.uuid4().hex[:8]}"
    url = postgres.create_database(name)
    with made_app({**environment, "DATABASE_URL": url}) as app, app.app_context():
        upgrade(directory=str(ROOT / "migrations"))
    yield name
    if not postgres.is_thrown_away:
        postgres.drop_database(name)


@pytest.fixture(scope="session")
def fresh_database(postgres: Server, template_database: str) -> Iterator[Callable[[], str]]:
    """A function that gives the address of a new, migrated database of its own."""
    made: list[str] = []

    def create() -> str:
        made.append(f"tests_{uuid.uuid4().hex[:8]}")
        return postgres.create_database(made[-1], template_database)

    yield create
    for name in made if not postgres.is_thrown_away else []:
        postgres.drop_database(name)


@pytest.fixture(scope="session")
def database_url(fresh_database: Callable[[], str]) -> str:
    """The database that all transactional tests share; nothing is ever committed to it."""
    return fresh_database()


@pytest.fixture(scope="session")
def app(environment: dict[str, str], database_url: str) -> Iterator[Flask]:
    """The application, made once for the whole session."""
    with made_app({**environment, "DATABASE_URL": database_url}) as app:
        yield app


@pytest.fixture(autouse=True)
def db_session(request: pytest.FixtureRequest) -> Iterator[scoped_session[Session] | None]:
    """The session inside a transaction that is rolled back after the test.

    The engine is swapped for one connection and each session works in a savepoint, so a route's
    commit is seen by the test and a forgotten commit is not.
    """
    if request.node.get_closest_marker("no_database"):
        yield None
        return
    app: Flask = request.getfixturevalue("app")
    with app.app_context():
        engine = db.engine
        connection = engine.connect()
        outer = connection.begin()
        connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        engines = db._app_engines[app]
        db.session.remove()
        db.session.configure(join_transaction_mode="create_savepoint")
        engines[None] = connection  # type: ignore[assignment]
        limiter.reset()
        try:
            yield db.session
        finally:
            try:
                db.session.remove()
            finally:  # or every later test would fail for the one that broke its session
                db.session.registry.clear()
                db.session.configure(join_transaction_mode="conditional_savepoint")
                engines[None] = engine
                outer.rollback()
                connection.close()


@pytest.fixture(autouse=True)
def cheap_passwords(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash passwords in no time, but where servers run or time is measured.

    What a hash costs would be much of the first part, and on a busy machine some are refused.
    """
    marks = (request.node.get_closest_marker(name) for name in ("waits", "alone"))
    if any(marks) or {"serve", "full_cost_passwords"} & set(request.fixturenames):
        return
    monkeypatch.setattr(passwords, "_hasher", CHEAP)
    monkeypatch.setattr(passwords, "DUMMY_HASH", CHEAP_DUMMY)


@pytest.fixture
def full_cost_passwords() -> None:
    """Ask for this where it matters what a password costs."""


@pytest.fixture
def client(app: Flask) -> CheckedClient:
    """An anonymous visitor."""
    client = app.test_client()
    assert isinstance(client, CheckedClient)
    return client


@pytest.fixture
def client_of(app: Flask) -> Callable[[User], CheckedClient]:
    """A function that gives a user's own signed-in client."""

    def make(user: User) -> CheckedClient:
        client = app.test_client()
        assert isinstance(client, CheckedClient)
        sign_in(client, user)
        return client

    return make


@pytest.fixture
def instructor() -> User:
    """Who teaches `course`."""
    return factories.make_user(Role.INSTRUCTOR, name="Ines Teacher")


@pytest.fixture
def admin() -> User:
    """Who may do everything."""
    return factories.make_user(Role.ADMIN, name="Ada Admin")


@pytest.fixture
def learner() -> User:
    """An ordinary account, enrolled in nothing yet."""
    return factories.make_user(name="Lea Learner")


@pytest.fixture
def outsider() -> User:
    """An ordinary account that stays outside of `course`."""
    return factories.make_user(name="Otto Outsider")


@pytest.fixture
def course(instructor: User) -> Course:
    """A published, free course: a video lesson, a free preview and a text lesson."""
    course = factories.make_course(instructor, title="Weaving by hand")
    section = factories.make_section(course)
    videos = [factories.make_ready_video() for _ in range(2)]
    common = {"kind": LessonKind.VIDEO, "duration_seconds": 60}
    factories.make_lesson(section, 1, title="The loom", video_id=videos[0].id, **common)
    factories.make_lesson(
        section, 2, title="A first look", video_id=videos[1].id, is_preview=True, **common
    )
    factories.make_lesson(section, 3, title="Reading list")
    return course


def _lesson(course: Course, position: int) -> Lesson:
    return db.session.query(Lesson).filter_by(course_id=course.id, position=position).one()


@pytest.fixture
def video_lesson(course: Course) -> Lesson:
    """The lesson of `course` that only the enrolled may watch."""
    return _lesson(course, 1)


@pytest.fixture
def preview_lesson(course: Course) -> Lesson:
    """The lesson of `course` that is open to every account."""
    return _lesson(course, 2)


@pytest.fixture
def text_lesson(course: Course) -> Lesson:
    """The lesson of `course` that is read."""
    return _lesson(course, 3)


@pytest.fixture
def enrollment(course: Course) -> Enrollment:
    """The row that lets `enrolled` into `course`."""
    user = factories.make_user(name="Enno Enrolled")
    return factories.make_enrollment(user, course)


@pytest.fixture
def enrolled(enrollment: Enrollment) -> User:
    """An account enrolled in `course`."""
    return db.session.get_one(User, enrollment.user_id)


@pytest.fixture
def committed_app(
    environment: dict[str, str], fresh_database: Callable[[], str], tmp_path: Path
) -> Iterator[Flask]:
    """An application on a database of its own where commits are real: for races and processes."""
    values = {**environment, "DATABASE_URL": fresh_database(), "DATA_DIR": str(tmp_path)}
    with made_app(values) as app, app.app_context():
        yield app


@pytest.fixture
def committed_database(committed_app: Flask) -> str:
    """The address of `committed_app`'s database."""
    return str(committed_app.extensions["settings"].database_url)


@pytest.fixture
def serve(committed_app: Flask, environment: dict[str, str]) -> Iterator[Callable[..., LiveServer]]:
    """A function that starts gunicorn on `committed_app`'s database; keywords are settings."""
    settings = committed_app.extensions["settings"]
    with ExitStack() as stack:

        def start(**variables: str) -> LiveServer:
            values = {name: value for name, value in environment.items() if name in SECRETS}
            values |= {"DATABASE_URL": settings.database_url, "APP_ENV": "development"}
            directory = Path(settings.data_dir)
            return stack.enter_context(gunicorn({**values, **variables}, directory))

        yield start


@pytest.fixture
def live_server(serve: Callable[..., LiveServer]) -> LiveServer:
    """Two gunicorn workers serving `committed_app`'s database."""
    return serve()


@pytest.fixture(scope="session")
def running_stripe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StripeStandIn]:
    """The process that stands in for Stripe; tests want `stripe_stand_in`."""
    with running_stand_in(tmp_path_factory.mktemp("stripe")) as stand_in:
        yield stand_in


@pytest.fixture
def stripe_stand_in(running_stripe: StripeStandIn) -> StripeStandIn:
    """Stripe, as far as tests go, with nothing in its books.

    `serve(**stripe_stand_in.environment)` starts a site that takes cards there, and
    `stripe_stand_in.deliver_to(site.url)` has its webhooks sent to that site.
    """
    running_stripe.reset()
    return running_stripe


@pytest.fixture
def card_gateway(app: Flask, stripe_stand_in: StripeStandIn) -> Iterator[StripeGateway]:
    """The gateway of cards, in the session's application for as long as the test runs."""
    settings, before = app.extensions["settings"], app.extensions["integrations"]
    changes = {name.lower(): value for name, value in stripe_stand_in.environment.items()}
    changes["stripe_webhook_secret"] = (stripe_stand_in.environment["STRIPE_WEBHOOK_SECRET"],)
    app.extensions["settings"] = settings.model_copy(update=changes)
    gateway = StripeGateway(app.extensions["settings"])
    gateways = {**before.gateways, gateway.method: gateway}
    app.extensions["integrations"] = replace(before, gateways=gateways)
    try:
        yield gateway
    finally:
        app.extensions["settings"], app.extensions["integrations"] = settings, before


@pytest.fixture(scope="session")
def house(
    environment: dict[str, str],
    fresh_database: Callable[[], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> House:
    """Data for servers and browsers, with one clip that a worker has really transcoded."""
    directory = tmp_path_factory.mktemp("house")
    values = {"DATABASE_URL": fresh_database(), "DATA_DIR": str(directory), "LOG_LEVEL": "INFO"}
    return build_house({**environment, **values}, directory)
