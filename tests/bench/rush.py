"""Row 11: what visitors of the catalog notice while sixteen clients sign in without a pause."""

import json
import statistics
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from sqlalchemy import text

from app.database import db
from tests import factories
from tests.bench import furniture, load
from tests.bench.load import Figures, Request
from tests.bench.rows import Goal
from tests.bench.site import Site
from tests.support.server import wait_until

ACCOUNTS = 500
SECONDS = 4
EXTRA_SECONDS = 30


def _sign_ins() -> list[Request]:
    """Return sign-ins of many people, each from a network of its own, where no limit is met."""
    return [
        Request(
            "POST",
            "/api/auth/login",
            body=json.dumps({"email": f"rush{number}@example.com", "password": factories.PASSWORD}),
            headers=(("X-Forwarded-For", f"10.{number // 250}.{number % 250}.9"),),
        )
        for number in range(ACCOUNTS)
    ]


@contextmanager
def _signing_in(site: Site) -> Iterator[None]:
    listing = site.scratch / "sign-ins.tsv"
    command = load.command(site.ours.url, _sign_ins(), listing, SECONDS + EXTRA_SECONDS)
    before = _count_sign_ins(site)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        wait_until(lambda: _count_sign_ins(site) > before, 30, "the rush is on")
        yield
    finally:
        process.terminate()
        process.wait(timeout=30)


def _count_sign_ins(site: Site) -> int:
    statement = "SELECT count(*) FROM login_sessions s JOIN users u ON u.id = s.user_id"
    with site.app.app_context():
        rushed = text(f"{statement} WHERE u.email LIKE 'rush%'")
        return int(db.session.execute(rushed).scalar_one())


def _waited(figures: Figures) -> Figures:
    """Return the figures, from the mere count where too few were answered to have percentiles."""
    if figures.requests >= 10 * load.CONNECTIONS:
        return figures
    average = load.CONNECTIONS * SECONDS * 1000 / figures.requests
    return replace(figures, p50=max(figures.p50, average), p99=max(figures.p99, average))


def measure(site: Site, say: Callable[[str], None], rounds: int) -> list[Goal]:
    """Measure the catalog idle and in the rush, by turns."""
    with site.app.app_context():
        for number in range(ACCOUNTS):
            factories.make_user(password=factories.PASSWORD, email=f"rush{number}@example.com")
        requests = furniture.catalog_requests()
    load.run(site.ours.url, requests, site.scratch, SECONDS)
    pairs: list[tuple[Figures, Figures]] = []
    for number in range(rounds):
        idle = load.run(site.ours.url, requests, site.scratch, SECONDS)
        with _signing_in(site):
            busy = load.run(site.ours.url, requests, site.scratch, SECONDS)
        pairs.append((idle, busy))
        say(f"rush: round {number + 1} of {rounds} done")
    p50 = statistics.median(_waited(busy).p50 / idle.p50 for idle, busy in pairs)
    p99 = statistics.median(_waited(busy).p99 / idle.p99 for idle, busy in pairs)
    died = site.ours.log.count("WORKER TIMEOUT")
    what = "catalog while 16 clients sign in"
    return [
        Goal(11, f"{what}: p50", 1.5, "x idle", p50),
        Goal(11, f"{what}: p99", 10.0, "x idle", p99),
        Goal(11, f"{what}: workers that timed out", 0, "workers", died),
    ]
