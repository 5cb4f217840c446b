"""Row 14: what an upload in parts costs against one plain PUT of as many bytes, and in memory."""

import http.client
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flask import Flask
from flask_migrate import upgrade

from app.current import integrations
from app.database import db
from app.domain.accounts.api_keys import Scope
from app.domain.accounts.models import Role
from app.integrations.s3_storage import S3Storage
from tests import factories
from tests.bench import processes
from tests.bench.rows import Goal
from tests.bench.site import DURABLE, settings_of
from tests.support import keys
from tests.support.apps import made_app
from tests.support.postgres import temporary_server
from tests.support.s3_server import s3_server
from tests.support.sending import MP4_HEAD
from tests.support.server import ROOT, LiveServer, gunicorn

SIZE = int(os.environ.get("BENCH_UPLOAD_BYTES") or 1024**3)
ROUNDS = 3
LANES = 3  # as many as a browser's page sends at once
PIECE = bytes(1024**2)
MEGABYTE = 1024**2
SLOWEST = 1.25  # times a plain PUT: 80 % of its throughput


def put(address: str, size: int, head: bytes = b"") -> str:
    """PUT `size` bytes to `address`; return the answer's ETag."""
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=600)
    with closing(connection):
        connection.putrequest("PUT", f"{parts.path}?{parts.query}")
        connection.putheader("Content-Length", str(size))
        connection.endheaders()
        connection.send(head)
        left = size - len(head)
        while left:
            piece = PIECE if left >= len(PIECE) else PIECE[:left]
            connection.send(piece)
            left -= len(piece)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"a PUT answered {answer.status}: {text[:500]!r}")
        return answer.getheader("ETag") or ""


def ask(server: LiveServer, key: str, path: str, body: object) -> dict[str, Any]:
    address = urlsplit(server.url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=600)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    with closing(connection):
        connection.request("POST", path, json.dumps(body), headers)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{path} answered {answer.status}: {text[:500]!r}")
        told: dict[str, Any] = json.loads(text)
        return told


def _upload(server: LiveServer, key: str) -> float:
    """Upload as a page does: some parts at once; return the seconds to the end of `complete`."""
    body = {"filename": "film.mp4", "size_bytes": SIZE, "content_type": "video/mp4"}
    began = time.perf_counter()
    upload = ask(server, key, "/api/admin/uploads", body)

    def send(part: dict[str, Any]) -> dict[str, Any]:
        head = MP4_HEAD if part["number"] == 1 else b""
        return {
            "number": part["number"],
            "etag": put(part["url"], part["size_bytes"], head),
        }

    with ThreadPoolExecutor(LANES) as lanes:
        named = list(lanes.map(send, upload["parts"]))
    ask(server, key, f"/api/admin/uploads/{upload['upload_id']}/complete", {"parts": named})
    return time.perf_counter() - began


def _timed(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def make_key() -> str:
    teacher = factories.make_user(Role.INSTRUCTOR)
    db.session.commit()
    return keys.make_key(teacher, (Scope.ADMIN_READ, Scope.ADMIN_WRITE))


def _plain_bucket_put() -> None:
    storage = integrations.storage
    assert isinstance(storage, S3Storage)
    address = storage.client.generate_presigned_url(
        "put_object", Params={"Bucket": storage.name, "Key": "plain"}, ExpiresIn=3600
    )
    put(address, SIZE)


def _compare(
    app: Flask, server: LiveServer, key: str, plain: Callable[[], None]
) -> tuple[float, float]:
    """Return how many times longer an upload takes, and the memory in MB that workers grew by."""
    ratios, grown = [], 0.0
    _upload(server, key)  # warms up
    before, _ = processes.tree_memory_bytes(server.process.pid)
    for number in range(ROUNDS):
        acts = {"parts": lambda: _upload(server, key), "plain": plain}
        order = list(acts) if number % 2 else list(acts)[::-1]
        seconds = {name: _timed(acts[name]) for name in order}
        ratios.append(seconds["parts"] / seconds["plain"])
        after, _ = processes.tree_memory_bytes(server.process.pid)
        grown = max(grown, (after - before) / MEGABYTE)
        for folder in ("sources", "plain"):
            with app.app_context():
                integrations.storage.delete_prefix(folder)
    return statistics.median(ratios), grown


def _goals(where: str, ratio: float, grown: float) -> list[Goal]:
    size = f"{SIZE / 1024**3:.2g} GB"
    return [
        Goal(14, f"upload of {size} to {where}: time", SLOWEST, "x a plain PUT", ratio),
        Goal(14, f"upload of {size} to {where}: memory of the web workers", 64, "MB more", grown),
    ]


def measure(say: Callable[[str], None]) -> list[Goal]:
    """Compare uploads with plain PUTs, on the disk and on the stand-in of S3."""
    goals: list[Goal] = []
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="uploads-")))
        postgres = stack.enter_context(temporary_server(DURABLE))
        (scratch / "bucket").mkdir()
        bucket = stack.enter_context(s3_server(scratch / "bucket", volumes=400))
        for where, extra in (("the disk", {}), ("S3", bucket.environment)):
            folder = scratch / where.replace(" ", "-")
            folder.mkdir()
            url = postgres.create_database(f"uploads_{len(goals)}")
            environment = settings_of(url, folder) | extra
            with ExitStack() as one:
                address = {"PUBLIC_BASE_URL": "http://127.0.0.1"}
                app = one.enter_context(made_app({**environment, **address}))
                with app.app_context():
                    upgrade(directory=str(ROOT / "migrations"))
                    key = make_key()
                server = one.enter_context(gunicorn({**environment, **address}, folder))
                bare = one.enter_context(gunicorn(environment, folder, "tests.bench.bare:store"))

                def plain(
                    bare: LiveServer = bare, app: Flask = app, is_s3: bool = bool(extra)
                ) -> None:
                    if not is_s3:
                        put(f"{bare.url}/?", SIZE)
                        return
                    with app.app_context():
                        _plain_bucket_put()

                goals += _goals(where, *_compare(app, server, key, plain))
            say(f"uploads: {where} done")
    return goals
