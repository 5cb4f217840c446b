"""A migration of a big table, run as a release runs it, while others read and write that table.

MIGRATION_ROWS says how big (200,000; the promise is made for a million).
"""

import os
import random
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg2
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from flask_migrate import upgrade

from app.database import db
from tests import factories
from tests.support.apps import made_app
from tests.support.postgres import SPEED_OVER_SAFETY, Server, temporary_cluster, with_owner
from tests.support.server import ROOT, base_environment, stop, wait_until

pytestmark = [pytest.mark.no_database, pytest.mark.alone]
ROWS = int(os.environ.get("MIGRATION_ROWS") or 200_000)
LEARNERS = 1000
LIMIT_MS = 500
BUSY = "A table is busy"
# The server itself tells of whoever waited for a lock longer than deadlock_timeout.
WATCHED = {"log_lock_waits": "on", "deadlock_timeout": f"{LIMIT_MS}ms", "log_line_prefix": "%a|"}
WAITED = re.compile(r"^load\|.*still waiting for (\w+)", re.MULTILINE)
WIDER = '''"""Wider."""
import sqlalchemy as sa
from alembic import op
from migrations import online

revision = "9001"
down_revision = "{head}"


def upgrade() -> None:
    for column in (
        sa.Column("device", sa.Text(), nullable=False, server_default="web"),
        sa.Column("rating", sa.Integer()),
        sa.Column("rated_by_id", sa.Uuid()),
    ):
        op.add_column("lesson_progress", column, if_not_exists=True)
    online.create_index("ix_lesson_progress_updated_at", "lesson_progress", "updated_at")
    online.add_constraint("lesson_progress", "ck_lesson_progress_rating", "CHECK (rating < 6)")
    rated_by = "FOREIGN KEY (rated_by_id) REFERENCES users (id)"
    online.add_constraint("lesson_progress", "fk_lesson_progress_rated_by_id_users", rated_by)
    online.require("lesson_progress", "position_seconds")


def downgrade() -> None:
    op.drop_column("lesson_progress", "rated_by_id")
'''
WATCH = """
INSERT INTO lesson_progress (user_id, lesson_id, course_id, position_seconds, updated_at)
SELECT user_id, lesson_id, course_id, 1, now() FROM lesson_progress
WHERE user_id = %(user)s AND lesson_id = %(lesson)s
ON CONFLICT (user_id, lesson_id)
DO UPDATE SET position_seconds = lesson_progress.position_seconds + 1
"""
LOOK = "SELECT * FROM lesson_progress WHERE user_id = %(user)s AND lesson_id = %(lesson)s"


@dataclass
class Table:
    """The big table, where its server tells of waits, and who keeps asking for it."""

    server: Server
    url: str
    log: Path
    keys: list[tuple[str, str]]
    slowest_seconds: float = 0.0
    statements: int = 0
    _over: threading.Event = field(default_factory=threading.Event)

    def connect(self, name: str) -> "psycopg2.extensions.connection":
        return psycopg2.connect(self.url, application_name=name)

    def ask(self, query: str) -> list[tuple[object, ...]]:
        with closing(self.connect("test")) as connection, connection.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetchall()

    def waits(self) -> list[str]:
        """Return the kind of each lock that the load waited for too long."""
        return WAITED.findall(self.log.read_text())

    def _work(self, seed: int) -> None:
        choice = random.Random(seed)
        with closing(self.connect("load")) as connection:
            connection.autocommit = True
            cursor = connection.cursor()
            while not self._over.wait(0.002):
                user, lesson = choice.choice(self.keys)
                began = time.monotonic()
                cursor.execute(choice.choice((WATCH, LOOK)), {"user": user, "lesson": lesson})
                self.slowest_seconds = max(self.slowest_seconds, time.monotonic() - began)
                self.statements += 1

    @contextmanager
    def load(self) -> Iterator[None]:
        """Keep reading and writing single rows for the block."""
        self._over.clear()
        threads = [threading.Thread(target=self._work, args=(seed,)) for seed in range(4)]
        for thread in threads:
            thread.start()
        before = self.statements
        try:
            wait_until(lambda: self.statements > before + 50, 10, "the load runs")
            yield
        finally:
            self._over.set()
            for thread in threads:
                thread.join(30)

    @contextmanager
    def report(self) -> Iterator[Callable[[], None]]:
        """Read the table in one long transaction for the block; the function ends it earlier."""
        with closing(self.connect("report")) as connection:
            connection.cursor().execute("SELECT count(*) FROM lesson_progress LIMIT 1")
            yield connection.rollback


@pytest.fixture(scope="module")
def table(environment: dict[str, str]) -> Iterator[Table]:
    with temporary_cluster({**SPEED_OVER_SAFETY, **WATCHED}, 100) as cluster:
        process = cluster.start()
        try:
            wait_until(cluster.has_started, 30, "PostgreSQL takes connections")
            server = with_owner(cluster.admin_url)
            url = server.create_database("big")
            keys = _furnish(server, {**environment, "DATABASE_URL": url})
            yield Table(server, url, cluster.log, keys)
        finally:
            stop(process)


def _furnish(server: Server, environment: dict[str, str]) -> list[tuple[str, str]]:
    """Fill lesson_progress: every learner in every lesson of one course."""
    with made_app(environment) as app, app.app_context():
        upgrade(directory=str(ROOT / "migrations"))
        course = factories.make_course(factories.make_user())
        section = factories.make_section(course)
        for position in range(ROWS // LEARNERS):
            factories.make_lesson(section, position + 1)
        db.session.commit()
    # No need to look up the foreign keys of each row.
    server.execute(
        "SET session_replication_role = replica;"
        "INSERT INTO users (id, email, name, role, status, created_at)"
        " SELECT gen_random_uuid(), n || '@example.com', 'A', 'learner', 'active', now()"
        f" FROM generate_series(1, {LEARNERS}) n;"
        "INSERT INTO lesson_progress (user_id, lesson_id, course_id, position_seconds, updated_at)"
        " SELECT users.id, lessons.id, lessons.course_id, 0, now() FROM users, lessons"
        " WHERE users.email LIKE '%@example.com' AND users.name = 'A'",
        "big",
    )
    server.execute("VACUUM ANALYZE lesson_progress", "big")
    with closing(psycopg2.connect(server.url("big"))) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT user_id::text, lesson_id::text FROM lesson_progress LIMIT 5000")
        return [(str(user), str(lesson)) for user, lesson in cursor.fetchall()]


@pytest.fixture(scope="module")
def wider(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The migrations of this release with one more."""
    folder = tmp_path_factory.mktemp("later") / "migrations"
    shutil.copytree(ROOT / "migrations", folder, ignore=shutil.ignore_patterns("__pycache__"))
    config = Config()
    config.set_main_option("script_location", str(folder))
    head = ScriptDirectory.from_config(config).get_current_head()
    (folder / "versions" / "9001_wider.py").write_text(WIDER.format(head=head))
    return folder


@contextmanager
def _migrating(table: Table, folder: Path, log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Run what a release runs, in a process of its own."""
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "db", "upgrade", "-d", str(folder)]
    environment = {"DATABASE_URL": table.url, "PGAPPNAME": "migration", "PYTHONUNBUFFERED": "1"}
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=base_environment() | environment,
            stdout=output,
            stderr=output,
        )
    try:
        yield process
    finally:
        stop(process)


def _migrate(table: Table, folder: Path, log: Path) -> str:
    with _migrating(table, folder, log) as process:
        process.wait(240)
    assert process.returncode == 0, log.read_text()
    return log.read_text()


def test_the_server_tells_of_whoever_waits_too_long(table: Table) -> None:
    """How it was done before: the change waits for a report, and everybody for the change."""
    with table.load(), table.report(), closing(table.connect("naive")) as connection:
        cursor = connection.cursor()
        cursor.execute("SET lock_timeout = '5s'")
        change = threading.Thread(target=_try, args=(cursor, "LOCK TABLE lesson_progress"))
        change.start()
        wait_until(table.waits, 10, "the log names the load")
        connection.cancel()
        change.join(10)
    assert "RowExclusiveLock" in table.waits() or "AccessShareLock" in table.waits()
    table.log.write_text("")
    table.slowest_seconds = 0.0


def _try(cursor: "psycopg2.extensions.cursor", statement: str) -> None:
    with suppress(psycopg2.Error):
        cursor.execute(statement)


def test_a_big_table_grows_under_load_and_nobody_waits(
    table: Table, wider: Path, tmp_path: Path
) -> None:
    log = tmp_path / "migration"
    with table.load(), table.report() as end_report, _migrating(table, wider, log) as process:
        # Reports come and go: one is under way whenever the migration wants the table.
        wait_until(lambda: BUSY in log.read_text(), 60, "an attempt made way")
        end_report()
        process.wait(240)
    assert process.returncode == 0, log.read_text()
    assert not table.waits()
    print(
        f"\n{ROWS} rows: nobody waited {LIMIT_MS} ms for a lock; {table.statements} statements,"
        f" the slowest took {table.slowest_seconds * 1000:.0f} ms;"
        f" {log.read_text().count(BUSY)} attempts made way"
    )
    assert table.ask("SELECT device, rating FROM lesson_progress LIMIT 1") == [("web", None)]
    assert table.ask("SELECT version_num FROM alembic_version") == [("9001",)]
    unproven = "SELECT conname FROM pg_constraint WHERE NOT convalidated"
    assert not table.ask(unproven)
    assert not table.ask("SELECT 1 FROM pg_index WHERE NOT indisvalid")


def test_an_index_that_was_cut_short_is_built_by_the_next_attempt(
    table: Table, wider: Path, tmp_path: Path
) -> None:
    before = re.search(r'down_revision = "(\w+)"', (wider / "versions/9001_wider.py").read_text())
    assert before
    table.server.execute("DROP INDEX ix_lesson_progress_updated_at", "big")
    table.server.execute(f"UPDATE alembic_version SET version_num = '{before[1]}'", "big")
    building = (
        "SELECT pid FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX CONC%' "
        "AND wait_event_type = 'Lock' AND pid <> pg_backend_pid()"
    )
    with closing(table.connect("snapshot")) as connection:
        # An index is not finished while somebody looks at the rows of before.
        connection.set_session(isolation_level="REPEATABLE READ")
        connection.cursor().execute("SELECT count(*) FROM users")
        with _migrating(table, wider, tmp_path / "killed") as process:
            found = wait_until(lambda: table.ask(building), 60, "the index waits")
            process.kill()
            process.wait()
        table.server.execute(f"SELECT pg_terminate_backend({found[0][0]})")
        wait_until(lambda: not table.ask(building), 30, "the server has ended it")
    assert table.ask("SELECT 1 FROM pg_index WHERE NOT indisvalid") == [(1,)]
    _migrate(table, wider, tmp_path / "second")
    assert not table.ask("SELECT 1 FROM pg_index WHERE NOT indisvalid")
    assert table.ask("SELECT to_regclass('ix_lesson_progress_updated_at') IS NOT NULL") == [(True,)]


def test_two_hosts_of_different_releases_may_migrate_at_once(
    table: Table, wider: Path, tmp_path: Path
) -> None:
    with (
        _migrating(table, wider, tmp_path / "newer") as newer,
        _migrating(table, ROOT / "migrations", tmp_path / "older") as older,
    ):
        assert (newer.wait(60), older.wait(60)) == (0, 0), (tmp_path / "older").read_text()
    assert "of a later release" in (tmp_path / "older").read_text()
    assert table.ask("SELECT version_num FROM alembic_version") == [("9001",)]
