"""What is measured: a durable PostgreSQL and the application behind the real gunicorn."""

import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg2
from flask import Flask
from flask_migrate import upgrade

from tests.bench import furniture
from tests.support.apps import made_app
from tests.support.known_secrets import SECRETS
from tests.support.postgres import temporary_server
from tests.support.server import ROOT, LiveServer, gunicorn

CORES = os.cpu_count() or 1
# As the embedded server of a demo runs: every commit reaches the disk.
DURABLE = {"shared_buffers": "256MB", "synchronous_commit": "on", "fsync": "on"}


@dataclass(frozen=True)
class Site:
    """The running house under measurement and the two references beside it."""

    app: Flask
    lesson_id: uuid.UUID
    ours: LiveServer
    bare: LiveServer
    flask: LiveServer
    postgres_pid: int
    scratch: Path

    def roots(self, server: LiveServer) -> tuple[int, ...]:
        """Return the processes whose trees work for `server`."""
        if server is self.ours:
            return (server.process.pid, self.postgres_pid)
        return (server.process.pid,)


def _postmaster(admin_url: str) -> int:
    connection = psycopg2.connect(admin_url)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('data_directory')")
            row = cursor.fetchone()
    finally:
        connection.close()
    directory = Path(row[0]) if row else Path()
    return int((directory / "postmaster.pid").read_text().splitlines()[0])


def settings_of(database_url: str, directory: Path) -> dict[str, str]:
    """Return the environment of the measured application: production's shape, room for load."""
    return {
        "APP_ENV": "demo",
        "DATABASE_URL": database_url,
        "DATA_DIR": str(directory),
        "WEB_WORKERS": str(CORES),
        "MAX_STREAMS": "20",
        "TRUSTED_PROXIES": "1",
        "PLAYBACK_TOKENS_PER_MINUTE": "600",
        "PLAYBACK_LEASE_SECONDS": "600",
        "PLAYBACK_TOKEN_SECONDS": "600",
        **SECRETS,
    }


@contextmanager
def running_site() -> Iterator[Site]:
    """Start everything, furnished, for the block."""
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        server = stack.enter_context(temporary_server(DURABLE))
        environment = settings_of(server.create_database("bench"), scratch)
        address = {"PUBLIC_BASE_URL": "http://127.0.0.1"}
        app = stack.enter_context(made_app({**environment, **address}))
        with app.app_context():
            upgrade(directory=str(ROOT / "migrations"))
            lesson_id = furniture.furnish()
        ours = stack.enter_context(gunicorn({**environment, **address}, scratch))
        bare = stack.enter_context(gunicorn(environment, scratch, "tests.bench.bare:wsgi"))
        flask = stack.enter_context(gunicorn(environment, scratch, "tests.bench.bare:flask"))
        postmaster = _postmaster(server.admin_url)
        yield Site(app, lesson_id, ours, bare, flask, postmaster, scratch)
