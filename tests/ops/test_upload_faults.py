"""Uploads while processes are killed and connections cut: each arrives whole, nothing is left over.

UPLOAD_FAULT_ROUNDS sets how many uploads there are (20 take some minutes).
"""

import hashlib
import http.client
import json
import os
import random
import signal
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg2
import pytest
from flask import Flask
from flask_migrate import upgrade

from app.clock import shifted
from app.current import integrations
from app.database import db
from app.domain.accounts.api_keys import Scope
from app.domain.accounts.models import Role
from app.domain.videos.models import Video, VideoStatus
from app.domain.videos.upload_models import Upload, UploadStatus
from app.worker.sweeping import sweep_folders, sweep_uploads
from tests import factories
from tests.ops.demo import children
from tests.support import keys
from tests.support.apps import made_app
from tests.support.known_secrets import SECRETS
from tests.support.postgres import Server, temporary_server
from tests.support.sending import MP4_HEAD
from tests.support.server import ROOT, LiveServer, gunicorn, wait_until

pytestmark = [pytest.mark.no_database, pytest.mark.timeout(900)]
ROUNDS = int(os.environ.get("UPLOAD_FAULT_ROUNDS", "3"))
SIZE = 20 * 1024**2
PIECE = 256 * 1024
PATIENCE_SECONDS = 90
FAULTS = ("cut", "web worker", "database", "lost answer")


@dataclass
class Site:
    """A server, its database and the faults they can meet."""

    server: LiveServer
    postgres: Server
    app: Flask

    def kill_a_web_worker(self) -> None:
        for pid in sorted(children(self.server.process.pid))[:1]:
            os.kill(pid, signal.SIGKILL)

    def kill_the_database(self) -> None:
        """Kill one of PostgreSQL's processes: all others end, too, and it recovers."""
        with (
            suppress(psycopg2.OperationalError),  # it may be recovering from the last time
            closing(psycopg2.connect(self.postgres.admin_url)) as connection,
        ):
            os.kill(connection.info.backend_pid, signal.SIGKILL)


@dataclass
class Script:
    """A sender that takes nothing for granted; `faults` names what is to happen on the way."""

    site: Site
    key: str
    faults: list[str]
    rng: random.Random

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """Ask until there is an answer that is no fault of the server's."""

        def answered() -> dict[str, Any] | None:
            status, _, text = self._once(method, path, json.dumps(body).encode(), key=True)
            assert status not in (400, 401, 403, 404, 422), text
            return json.loads(text) if 200 <= status < 300 else None

        return wait_until(answered, PATIENCE_SECONDS, f"{method} {path} is answered", 0.2)

    def put(self, url: str, data: bytes) -> str:
        """PUT a part until it is there."""
        parts = urlsplit(url)

        def arrived() -> str | None:
            status, etag, text = self._once("PUT", f"{parts.path}?{parts.query}", data)
            assert status not in (403, 404, 413, 422), text
            return etag if status == 200 else None

        return wait_until(arrived, PATIENCE_SECONDS, "a part arrives", 0.2)

    def _once(
        self, method: str, path: str, body: bytes, *, key: bool = False
    ) -> tuple[int, str | None, str]:
        fault = self.faults.pop() if self.faults and self.rng.random() < 0.6 else None
        at = self.rng.randrange(len(body)) if body else 0
        address = urlsplit(self.site.server.url)
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=20)
        try:
            with closing(connection):
                connection.putrequest(method, path)
                connection.putheader("Content-Length", str(len(body)))
                if key:
                    connection.putheader("Authorization", f"Bearer {self.key}")
                    connection.putheader("Content-Type", "application/json")
                connection.endheaders()
                for start in range(0, max(1, len(body)), PIECE):
                    if fault and start <= at < start + PIECE:
                        self._happen(fault)
                    connection.send(body[start : start + PIECE])
                if fault == "lost answer":
                    raise ConnectionError
                answer = connection.getresponse()
                return answer.status, answer.getheader("ETag"), answer.read().decode()
        except (OSError, http.client.HTTPException):
            return 0, None, ""

    def _happen(self, fault: str) -> None:
        if fault == "cut":
            raise ConnectionError
        if fault == "web worker":
            self.site.kill_a_web_worker()
        elif fault == "database":
            self.site.kill_the_database()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    directory = tmp_path_factory.mktemp("faults")
    with temporary_server({}) as postgres:
        url = postgres.create_database("uploads")
        values = {**SECRETS, "DATABASE_URL": url, "APP_ENV": "development", "LOG_LEVEL": "WARNING"}
        settings = {**values, "DATA_DIR": str(directory), "PUBLIC_BASE_URL": "http://localhost"}
        with made_app(settings) as app, app.app_context():
            upgrade(directory=str(ROOT / "migrations"))
            with gunicorn(values, directory) as server:
                yield Site(server, postgres, app)


@pytest.fixture(scope="module")
def key(site: Site) -> str:
    teacher = factories.make_user(Role.INSTRUCTOR)
    db.session.commit()
    made = keys.make_key(teacher, (Scope.ADMIN_READ, Scope.ADMIN_WRITE))
    db.session.remove()  # a connection held here would die with the database
    return made


def _send(script: Script, data: bytes) -> dict[str, Any]:
    body = {"filename": "film.mp4", "size_bytes": len(data), "content_type": "video/mp4"}
    upload = script.ask("POST", "/api/admin/uploads", body)
    path = f"/api/admin/uploads/{upload['upload_id']}"
    size = upload["part_size_bytes"]
    for part in upload["parts"]:
        start = (part["number"] - 1) * size
        script.put(part["url"], data[start : start + size])
    told = script.ask("GET", path)
    named = [{"number": part["number"], "etag": part["etag"]} for part in told["parts"]]
    digest = hashlib.sha256(data).hexdigest()
    answer: dict[str, Any] = script.ask(
        "POST", f"{path}/complete", {"parts": named, "sha256": digest}
    )
    return answer


@pytest.mark.parametrize("number", range(ROUNDS))
def test_an_upload_under_faults_arrives_whole(site: Site, key: str, number: int) -> None:
    rng = random.Random(number)
    data = MP4_HEAD + rng.randbytes(SIZE - len(MP4_HEAD))
    faults = [FAULTS[number % len(FAULTS)], *rng.choices(FAULTS, k=2)]
    answer = _send(Script(site, key, faults, rng), data)
    video = db.session.get_one(Video, answer["media"]["id"], populate_existing=True)
    assert video.status is VideoStatus.QUEUED
    assert video.declared_sha256 == hashlib.sha256(data).hexdigest()
    with integrations.storage.open(video.source_key) as stored:
        assert hashlib.file_digest(stored, "sha256").hexdigest() == video.declared_sha256
    db.session.remove()


def test_afterwards_nothing_is_stuck_and_nothing_left_over(site: Site, key: str) -> None:
    """One upload more is given up in its middle, without a word."""
    script = Script(site, key, [], random.Random(0))
    body = {"filename": "film.mp4", "size_bytes": SIZE, "content_type": "video/mp4"}
    abandoned = script.ask("POST", "/api/admin/uploads", body)
    script.put(abandoned["parts"][0]["url"], bytes(abandoned["part_size_bytes"]))
    with shifted(timedelta(days=8)):
        sweep_uploads()
        sweep_folders()
    db.session.rollback()
    assert db.session.query(Upload).filter_by(status=UploadStatus.OPEN).count() == 0
    assert integrations.storage.uploads.list_open("sources") == []
    sources = {key for (key,) in db.session.query(Video.source_key)}
    assert set(integrations.storage.list_keys("sources")) == sources
    media = Path(site.app.extensions["settings"].media_directory)
    assert list((media / ".uploads").iterdir()) == []
    db.session.remove()
