"""Reading from a streaming replica: what goes there, what does not, and what when it fails."""

import logging
import os
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import event, text
from sqlalchemy.engine import Engine

from app import replica as module
from app.database import db
from app.domain.accounts.models import Role, User
from app.domain.courses.models import Category, Course
from app.errors import NotFound
from app.replica import Replica
from app.web.reading import EXTENSION
from tests import factories
from tests.support.apps import made_app
from tests.support.client import sign_in
from tests.support.keys import client_with, make_key
from tests.support.replication import Pair, replicated
from tests.support.server import ROOT, wait_until
from tests.support.statements import recorded

pytestmark = pytest.mark.no_database
HERE = text("SELECT pg_is_in_recovery()")


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    with replicated() as servers:
        yield servers


@pytest.fixture(scope="module")
def site(pair: Pair, environment: dict[str, str]) -> Iterator[Flask]:
    """An application with a replica; what its requests write is really committed."""
    url = pair.primary.create_database("site")
    values = {**environment, "DATABASE_URL": url, "DATABASE_REPLICA_URL": pair.standby.url_of(url)}
    with made_app(values) as app, app.app_context():
        upgrade(directory=str(ROOT / "migrations"))
        pair.catch_up()
        yield app
        _replica(app).close()


@pytest.fixture(autouse=True)
def fresh(site: Flask, pair: Pair) -> Iterator[None]:
    """Each test begins with a replica that is there, has everything, and was not looked at."""
    db.session.remove()
    pair.catch_up()
    settings = site.extensions["settings"]
    site.extensions[EXTENSION] = Replica(settings.database_replica_url, settings.database_pool_size)
    wait_until(lambda: _where(site), 10, "the replica is read")
    yield
    _replica(site).close()
    if pair.standby.process.poll() is not None:
        pair.standby.start()
    pair.standby.resume()


def _replica(site: Flask) -> Replica:
    found = site.extensions[EXTENSION]
    assert isinstance(found, Replica)
    return found


def _is_on_replica() -> bool:
    return bool(db.session.execute(HERE).scalar_one())


def _where(site: Flask, written: int = 0) -> bool:
    """Whether a read that needs `written` is answered by the replica."""
    with site.app_context():
        return _replica(site).read(_is_on_replica, written)


def _course(**values: Any) -> Course:
    course = factories.make_course(factories.make_user(Role.INSTRUCTOR), **values)
    db.session.commit()
    return course


def _titles(client: Any) -> list[str]:
    return [course["title"] for course in client.get("/api/courses?sort=newest").json["items"]]


def _title() -> str:
    return f"Weaving {uuid.uuid4().hex[:8]}"


def test_reads_come_from_the_replica_and_nothing_else_does(site: Flask) -> None:
    assert _where(site)
    with site.app_context():
        _replica(site).read(_is_on_replica, 0)
        assert not _is_on_replica()


def test_nothing_is_written_to_the_session_of_the_request(site: Flask) -> None:
    """What the replica gave is detached; it cannot come back as a change of a stale row."""
    course = _course(title=_title())
    with site.app_context():
        found = _replica(site).read(lambda: db.session.get_one(Course, course.id), 0)
        assert found.title == course.title
        assert found not in db.session


def test_a_visitor_sees_what_the_replica_has(site: Flask, pair: Pair) -> None:
    pair.standby.pause()
    title = _title()
    _course(title=title)
    assert title not in _titles(site.test_client())
    pair.standby.resume()
    pair.catch_up()
    assert title in _titles(site.test_client())


def test_own_changes_are_seen_at_once_while_the_replica_stands_still(
    site: Flask, pair: Pair
) -> None:
    course, title = _course(title=_title()), _title()
    author, visitor = site.test_client(), site.test_client()
    sign_in(author, db.session.get_one(User, course.instructor_id))
    pair.catch_up()
    pair.standby.pause()
    change = {"version": course.version, "title": title}
    answer = author.patch(f"/api/admin/courses/{course.id}", json=change)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Set-Cookie"].startswith("written=")
    assert title in _titles(author)
    assert title not in _titles(visitor)
    pair.standby.resume()
    wait_until(lambda: title in _titles(visitor), 10, "others see it, too")


def test_once_the_replica_has_ones_change_it_is_read_again(site: Flask, pair: Pair) -> None:
    with site.app_context():
        _course(title=_title())
        written = module.written_position()
    pair.catch_up()
    assert wait_until(lambda: _where(site, written), 10, "the replica has it")
    pair.standby.pause()
    with site.app_context():
        _course(title=_title())
        later = module.written_position()
    assert later > written
    assert not _where(site, later)


def test_whoever_wrote_nothing_gets_no_cookie(site: Flask) -> None:
    client = site.test_client()
    sign_in(client, factories.make_user())
    for path in ("/", "/courses", "/api/courses", "/dashboard"):
        assert "written" not in str(client.get(path).headers.getlist("Set-Cookie"))


@pytest.mark.parametrize("value", ["unknown", "-1", "g", "", "1" * 17, "ffffffffffffffff"])
def test_a_cookie_that_says_nothing_leads_to_the_primary(
    site: Flask, pair: Pair, value: str
) -> None:
    pair.standby.pause()
    title = _title()
    _course(title=title)
    client = site.test_client()
    client.set_cookie("written", value)
    assert title in _titles(client)


def test_programs_with_a_key_read_from_the_primary(site: Flask, pair: Pair) -> None:
    """They keep no cookies, so nothing says what they have written."""
    program = client_with(site, make_key(factories.make_user()))
    pair.standby.pause()
    title = _title()
    _course(title=title)
    assert title in _titles(program)
    assert title not in _titles(site.test_client())


def test_a_course_page_is_public_for_visitors_and_own_for_the_rest(site: Flask, pair: Pair) -> None:
    learner = factories.make_user()
    course = _course(title=_title())
    client = site.test_client()
    sign_in(client, learner)
    pair.catch_up()
    pair.standby.pause()
    factories.make_enrollment(learner, course)
    course.title = _title()
    db.session.commit()
    own = client.get(f"/api/courses/{course.slug}").json
    assert (own["title"], own["is_enrolled"]) == (course.title, True)
    assert site.test_client().get(f"/api/courses/{course.slug}").json["title"] != course.title


def test_what_the_replica_does_not_know_yet_the_primary_tells(site: Flask, pair: Pair) -> None:
    pair.standby.pause()
    course = _course(title=_title())
    assert site.test_client().get(f"/courses/{course.slug}").status_code == 200


def test_a_replica_far_behind_is_not_read(
    site: Flask, pair: Pair, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "MAX_LAG_SECONDS", 0.6)
    assert _where(site)
    pair.standby.pause()
    _course(title=_title())
    with caplog.at_level(logging.WARNING, "replica"):
        wait_until(lambda: not _where(site) and caplog.records, 10, "it is too far behind")
    assert [record.getMessage() for record in caplog.records] == [
        "reads go to the primary, not to the replica: it is more than 0.6 s behind"
    ]
    pair.standby.resume()
    wait_until(lambda: _where(site), 10, "the replica has caught up")


def test_a_replica_under_steady_writing_is_read(site: Flask) -> None:
    """It never has all there is, but all there was a moment ago."""
    is_over = threading.Event()

    def write() -> None:
        with site.app_context():
            while not is_over.is_set():
                db.session.add(
                    Category(slug=f"c-{uuid.uuid4().hex}", name="Steady", description="", hue=1)
                )
                db.session.commit()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        wait_until(lambda: _where(site), 10, "the replica is read")
        answers = []
        ends = time.monotonic() + 1.5
        while time.monotonic() < ends:
            answers.append(_where(site))
    finally:
        is_over.set()
        writer.join()
    assert all(answers)


def test_a_replica_killed_between_two_statements_is_not_noticed(site: Flask, pair: Pair) -> None:
    places = []

    def read() -> int:
        places.append(_is_on_replica())
        if places == [True]:
            pair.standby.kill()
        return db.session.execute(text("SELECT 7")).scalar_one()

    with site.app_context():
        assert _replica(site).read(read, 0) == 7
    assert places == [True, False]
    assert site.test_client().get("/courses?q=loom").status_code == 200


def test_a_lost_replica_is_said_once_and_left_alone_for_a_while(
    site: Flask, pair: Pair, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    pair.standby.kill()
    tries: list[str] = []
    event.listen(_replica(site)._engine, "do_connect", lambda *_: tries.append("connect"))
    with caplog.at_level(logging.WARNING, "replica"):
        assert [_where(site) for _ in range(50)] == [False] * 50
    assert len(caplog.records) == 1
    assert len(tries) == 1
    pair.standby.start()
    monkeypatch.setattr(_replica(site), "_away_until", module.NEVER)
    wait_until(lambda: _where(site), 10, "the replica is read again")


def test_a_replica_that_hangs_holds_a_read_up_for_some_seconds_at_most(
    site: Flask, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STATEMENT_SECONDS", 0.2)
    assert _where(site)
    stopped = _processes(pair)
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        assert not _where(site)
        took = time.monotonic() - began
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
    assert took < 5
    assert [_where(site) for _ in range(5)] == [False] * 5


def test_a_promoted_replica_is_no_replica(site: Flask, caplog: pytest.LogCaptureFixture) -> None:
    settings = site.extensions["settings"]
    with caplog.at_level(logging.WARNING, "replica"), site.app_context():
        itself = Replica(settings.database_url, 2)
        assert not itself.read(_is_on_replica, 0)
        itself.close()
    assert "names a server that is no replica" in caplog.text


def test_a_slow_statement_is_not_sent_twice(site: Flask) -> None:
    tries = []

    def read() -> None:
        tries.append(_is_on_replica())
        db.session.execute(text("SET statement_timeout = 50"))
        db.session.execute(text("SELECT pg_sleep(5)"))

    with site.app_context(), pytest.raises(Exception, match="statement timeout"):
        _replica(site).read(read, 0)
    assert tries == [True]


def test_a_read_that_writes_does_so_on_the_primary_and_is_told_of(
    site: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    def write() -> bool:
        db.session.execute(text("UPDATE courses SET pitch = pitch WHERE false"))
        return _is_on_replica()

    with caplog.at_level(logging.WARNING, "replica"), site.app_context():
        assert not _replica(site).read(write, 0)
    assert "read-only transaction" in caplog.text


def test_an_unknown_thing_is_unknown_to_both(site: Flask) -> None:
    places = []

    def read() -> None:
        places.append(_is_on_replica())
        raise NotFound

    with site.app_context(), pytest.raises(NotFound):
        _replica(site).read(read, 0)
    assert places == [True, False]


def test_the_catalog_stands_while_the_primary_cannot_be_asked(
    site: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_written_if_known", lambda: None)
    assert _where(site)


READ_THERE = (
    "/", "/training", "/courses", "/courses?q=weaving", "/courses?level=beginner&sort=title",
    "/courses/category/{category}", "/courses/{course}", "/api/courses", "/api/courses/{course}",
    "/sitemap.xml", "/admin/reports", "/admin/reports?group=course",
    "/api/admin/reports/revenue?group=method",
)  # fmt: skip


@pytest.fixture
def statements_there(site: Flask) -> Callable[[], int]:
    """Counts what the replica was asked for the readers, less the looks at itself."""
    sent: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        if "pg_last_wal_replay_lsn" not in statement:
            sent.append(statement)

    engine: Engine = _replica(site)._engine
    event.listen(engine, "before_cursor_execute", note)
    return lambda: len(sent)


@pytest.mark.parametrize("path", READ_THERE)
def test_each_of_these_is_read_there_without_a_word(
    site: Flask,
    pair: Pair,
    path: str,
    statements_there: Callable[[], int],
    caplog: pytest.LogCaptureFixture,
) -> None:
    course = _course(title=_title())
    client = site.test_client()
    if "admin" in path:
        sign_in(client, factories.make_user(Role.ADMIN))
    category = db.session.get_one(Category, course.category_id).slug
    pair.catch_up()
    wait_until(lambda: _where(site), 10, "the replica is read")
    before = statements_there()
    with caplog.at_level(logging.WARNING, "replica"):
        answer = client.get(path.format(course=course.slug, category=category))
    assert answer.status_code == 200
    assert statements_there() > before
    assert not caplog.records


def test_without_a_replica_nothing_is_installed_and_nothing_more_is_sent(
    site: Flask, environment: dict[str, str]
) -> None:
    url = site.extensions["settings"].database_url
    course = _course(title=_title())
    with made_app({**environment, "DATABASE_URL": url}) as plain:
        assert EXTENSION not in plain.extensions
        assert (
            len(plain.after_request_funcs.get(None, ())) == len(site.after_request_funcs[None]) - 1
        )
        client = plain.test_client()
        client.get("/courses/none")
        with recorded() as statements:
            assert client.get(f"/courses/{course.slug}").status_code == 200
            assert client.post("/api/auth/logout", json={}).status_code in (204, 401)
        assert not [sql for sql, _ in statements.sent if "lsn" in sql]


def _processes(pair: Pair) -> list[int]:
    process = pair.standby.process.pid
    children = Path(f"/proc/{process}/task/{process}/children")
    return [process, *map(int, children.read_text().split())]
