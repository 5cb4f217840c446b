"""A replica that is there, behind, killed, hung, promoted: what its readers notice of it."""

import logging
import os
import signal
import threading
import time
import uuid
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import Integer, event, text

from app import replica as module
from app.database import Prepared, db
from app.domain.courses.models import Category, Course
from app.errors import NotFound
from app.replica import Replica
from tests.replica.sites import a_title, is_on_replica, is_read, make_course, replica_of
from tests.support.replication import Pair
from tests.support.server import wait_until

pytestmark = pytest.mark.no_database


def test_reads_come_from_the_replica_and_nothing_else_does(site: Flask) -> None:
    assert is_read(site)
    with site.app_context():
        replica_of(site).read(is_on_replica, 0)
        assert not is_on_replica()


def test_nothing_is_written_to_the_session_of_the_request(site: Flask) -> None:
    """What the replica gave is detached; it cannot come back as a change of a stale row."""
    course = make_course(title=a_title())
    with site.app_context():
        found = replica_of(site).read(lambda: db.session.get_one(Course, course.id), 0)
        assert found.title == course.title
        assert found not in db.session


def test_once_the_replica_has_ones_change_it_is_read_again(site: Flask, pair: Pair) -> None:
    with site.app_context():
        make_course(title=a_title())
        written = module.written_position()
    pair.catch_up()
    assert wait_until(lambda: is_read(site, written), 10, "the replica has it")
    pair.standby.pause()
    with site.app_context():
        make_course(title=a_title())
        later = module.written_position()
    assert later > written
    assert not is_read(site, later)


def test_a_replica_far_behind_is_not_read(
    site: Flask, pair: Pair, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "MAX_LAG_SECONDS", 0.6)
    assert is_read(site)
    pair.standby.pause()
    make_course(title=a_title())
    with caplog.at_level(logging.WARNING, "replica"):
        wait_until(lambda: not is_read(site) and caplog.records, 10, "it is too far behind")
    assert [record.getMessage() for record in caplog.records] == [
        "reads go to the primary, not to the replica: it is more than 0.6 s behind"
    ]
    pair.standby.resume()
    wait_until(lambda: is_read(site), 10, "the replica has caught up")


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
        wait_until(lambda: is_read(site), 10, "the replica is read")
        answers = []
        ends = time.monotonic() + 1.5
        while time.monotonic() < ends:
            answers.append(is_read(site))
    finally:
        is_over.set()
        writer.join()
    assert all(answers)


def test_a_replica_killed_between_two_statements_is_not_noticed(site: Flask, pair: Pair) -> None:
    places = []

    def read() -> int:
        places.append(is_on_replica())
        if places == [True]:
            pair.standby.kill()
        return db.session.execute(text("SELECT 7")).scalar_one()

    with site.app_context():
        assert replica_of(site).read(read, 0) == 7
    assert places == [True, False]
    assert site.test_client().get("/courses?q=loom").status_code == 200


def test_a_lost_replica_is_said_once_and_left_alone_for_a_while(
    site: Flask, pair: Pair, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    pair.standby.kill()
    tries: list[str] = []
    event.listen(replica_of(site)._engine, "do_connect", lambda *_: tries.append("connect"))
    with caplog.at_level(logging.WARNING, "replica"):
        assert [is_read(site) for _ in range(20)] == [False] * 20
    assert len(caplog.records) == 1
    assert len(tries) == 1
    pair.standby.start()
    monkeypatch.setattr(replica_of(site), "_away_until", module.NEVER)
    wait_until(lambda: is_read(site), 10, "the replica is read again")


def test_a_connection_that_is_read_from_all_the_time_is_not_taken_for_one_that_hangs(
    site: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STATEMENT_SECONDS", 0)  # a statement may take a second now
    asks = Prepared(text("SELECT pg_backend_pid() AS pid").columns(pid=Integer))
    asked: list[int] = []
    enough = time.monotonic() + 4

    def ask_again() -> bool:
        with site.app_context():
            asked.append(replica_of(site).read(lambda: asks.first({}).pid, 0))
        return time.monotonic() > enough

    wait_until(ask_again, 10, "it was read for some seconds")
    assert len(asked) > 10
    assert len(set(asked)) == 1


def test_a_replica_that_hangs_holds_a_read_up_for_some_seconds_at_most(
    site: Flask, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STATEMENT_SECONDS", 0.2)
    assert is_read(site)
    stopped = _processes(pair)
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        assert not is_read(site)
        took = time.monotonic() - began
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
    assert took < 10
    assert [is_read(site) for _ in range(5)] == [False] * 5


def test_a_promoted_replica_is_no_replica(site: Flask, caplog: pytest.LogCaptureFixture) -> None:
    settings = site.extensions["settings"]
    with caplog.at_level(logging.WARNING, "replica"), site.app_context():
        itself = Replica(settings.database_url, 2)
        assert not itself.read(is_on_replica, 0)
        itself.close()
    assert "names a server that is no replica" in caplog.text


def test_a_slow_statement_is_not_sent_twice(site: Flask) -> None:
    tries = []

    def read() -> None:
        tries.append(is_on_replica())
        db.session.execute(text("SET statement_timeout = 50"))
        db.session.execute(text("SELECT pg_sleep(5)"))

    with site.app_context(), pytest.raises(Exception, match="statement timeout"):
        replica_of(site).read(read, 0)
    assert tries == [True]


def test_a_read_that_writes_does_so_on_the_primary_and_is_told_of(
    site: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    def write() -> bool:
        db.session.execute(text("UPDATE courses SET pitch = pitch WHERE false"))
        return is_on_replica()

    with caplog.at_level(logging.WARNING, "replica"), site.app_context():
        assert not replica_of(site).read(write, 0)
    assert "read-only transaction" in caplog.text


def test_an_unknown_thing_is_unknown_to_both(site: Flask) -> None:
    places = []

    def read() -> None:
        places.append(is_on_replica())
        raise NotFound

    with site.app_context(), pytest.raises(NotFound):
        replica_of(site).read(read, 0)
    assert places == [True, False]


def test_the_catalog_stands_while_the_primary_cannot_be_asked(
    site: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_written_if_known", lambda: None)
    assert is_read(site)


def _processes(pair: Pair) -> list[int]:
    process = pair.standby.process.pid
    children = Path(f"/proc/{process}/task/{process}/children")
    return [process, *map(int, children.read_text().split())]
