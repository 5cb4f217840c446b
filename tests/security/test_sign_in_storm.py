"""Threat 7: a storm of sign-ins is worked off a few at a time and does not slow the catalog."""

import json
import statistics
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest
from flask import Flask

from app.database import db
from app.domain.accounts.models import User
from app.domain.accounts.passwords import hash_password
from tests import factories
from tests.support.http import Answer, Visitor
from tests.support.server import ROOT, LiveServer, wait_until

pytestmark = pytest.mark.alone

CLIENTS = 50
STORM_SECONDS = 8.0
LEAST_REQUESTS = 200
WARM_UP = 24  # requests until every worker has compiled its templates and statements
P99_SECONDS = 0.3
TRIES = 3  # the machine may be busy with something else; three storms in a row are no accident

VISITOR = """
import json, sys, time
from tests.support.http import Visitor

url, seconds, least = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
until, seen = time.monotonic() + seconds, []
while time.monotonic() < until or len(seen) < least:
    began = time.perf_counter()
    status = Visitor(url).get("/courses").status
    seen.append((status, time.perf_counter() - began))
print(json.dumps(seen))
"""


@dataclass
class Storm:
    """What was seen while the clients signed in."""

    answers: Counter[int] = field(default_factory=Counter)
    catalog_seconds: list[float] = field(default_factory=list)
    catalog_answers: Counter[int] = field(default_factory=Counter)

    @property
    def p99(self) -> float:
        return statistics.quantiles(self.catalog_seconds, n=100)[98]

    def __str__(self) -> str:
        return (
            f"{CLIENTS} clients signing in: {dict(self.answers)}; the catalog meanwhile "
            f"{len(self.catalog_seconds)} times: median "
            f"{statistics.median(self.catalog_seconds) * 1000:.0f} ms, p99 {self.p99 * 1000:.0f} ms"
        )


def _sign_in(site: LiveServer, number: int) -> Answer:
    """Try once, each client from a network of its own, so that no limit ends the storm."""
    headers = {"X-Forwarded-For": f"198.18.{number}.7"}
    body = {"email": f"pupil{number}@example.com", "password": factories.PASSWORD}
    return Visitor(site.url).post("/api/auth/login", body, headers=headers, timeout=60)


def _keep_signing_in(site: LiveServer, number: int, storm: Storm, is_over: threading.Event) -> None:
    while not is_over.is_set():
        answer = _sign_in(site, number)
        storm.answers[answer.status] += 1
        is_over.wait(float(answer.headers.get("Retry-After", 0)))


def _ask_for_catalog(site: LiveServer, storm: Storm) -> None:
    """Ask from a process of its own, which need not share its one lock with the storm's threads."""
    command = [sys.executable, "-c", VISITOR, site.url, str(STORM_SECONDS), str(LEAST_REQUESTS)]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)
    for status, seconds in json.loads(done.stdout):
        storm.catalog_seconds.append(seconds)
        storm.catalog_answers[status] += 1


def _storm(site: LiveServer) -> Storm:
    storm, is_over = Storm(), threading.Event()
    with ThreadPoolExecutor(CLIENTS) as threads:
        clients = [
            threads.submit(_keep_signing_in, site, number, storm, is_over)
            for number in range(CLIENTS)
        ]
        try:
            _ask_for_catalog(site, storm)
        finally:
            is_over.set()
        for client in clients:
            client.result()
    return storm


@pytest.fixture
def site(committed_app: Flask, serve: Callable[..., LiveServer]) -> LiveServer:
    """Two workers behind one proxy, a catalog, and people to sign in."""
    teacher = factories.make_user()
    for _ in range(12):
        factories.make_lesson(factories.make_section(factories.make_course(teacher)))
    hashed = hash_password(factories.PASSWORD)
    db.session.add_all(
        User(email=f"pupil{number}@example.com", name="Pupil", password_hash=hashed)
        for number in range(CLIENTS)
    )
    db.session.commit()
    server = serve(TRUSTED_PROXIES="1", WEB_WORKERS="2")
    with ThreadPoolExecutor(4) as visitors:
        list(visitors.map(lambda _: Visitor(server.url).get("/courses"), range(WARM_UP)))
    return server


def test_fifty_sign_ins_at_once_leave_the_catalog_quick(
    site: LiveServer, record_property: Callable[[str, object], None]
) -> None:
    for _ in range(TRIES):
        storm = _storm(site)
        print(storm)
        record_property("storm", str(storm))
        assert set(storm.answers) <= {200, 429}
        assert storm.answers[200] > 0
        assert set(storm.catalog_answers) == {200}
        if storm.p99 < P99_SECONDS:
            break
    assert storm.p99 < P99_SECONDS, str(storm)
    assert wait_until(lambda: _sign_in(site, 0).status == 200, 30, "nobody is kept out after it")
    assert "TIMEOUT" not in site.log
    assert site.log.count("Booting worker") == 2, "no worker was replaced"
