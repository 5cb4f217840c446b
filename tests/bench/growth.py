"""Row 10: what a catalog page costs with a few courses and with ten thousand, nothing cached."""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import text

from app.database import db
from app.demo.bulk import bulk_courses
from tests import factories
from tests.bench.rounds import ROUNDS
from tests.bench.rows import Goal
from tests.bench.site import DURABLE
from tests.support.apps import made_app
from tests.support.known_secrets import SECRETS
from tests.support.postgres import temporary_server
from tests.support.server import ROOT

FEW, MANY = 36, 10_000  # both fill every page with twelve cards
REQUESTS = 40
# No cache: development renders every page anew.
PAGES = ("/courses", "/courses?level=beginner&sort=newest")


@contextmanager
def _catalog(url: str, directory: Path, courses: int) -> Iterator[Flask]:
    settings = {"APP_ENV": "development", "DATABASE_URL": url, "DATA_DIR": str(directory)}
    address = {"PUBLIC_BASE_URL": "http://localhost", "LOG_LEVEL": "warning"}
    with made_app({**settings, **address, **SECRETS}) as app:
        with app.app_context():
            upgrade(directory=str(ROOT / "migrations"))
            factories.make_category()
            bulk_courses(courses)
            _vacuum()
        yield app


def _vacuum() -> None:
    """Leave the tables as autovacuum would, which has no time to come by here."""
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM (ANALYZE)"))


def _p50(app: Flask, page: str) -> float:
    client = app.test_client()
    times = []
    for _ in range(REQUESTS):
        began = time.perf_counter()
        answer = client.get(page)
        times.append(time.perf_counter() - began)
        if answer.status_code != 200:
            raise RuntimeError(f"{page} answered {answer.status_code}")
    return statistics.median(times)


def measure(say: Callable[[str], None], rounds: int = ROUNDS) -> list[Goal]:
    """Compare the two catalogs, interleaved, and return a goal for each kind of page."""
    with ExitStack() as stack:
        server = stack.enter_context(temporary_server(DURABLE))
        scratch = Path(stack.enter_context(TemporaryDirectory(prefix="growth-")))
        few, many = (
            stack.enter_context(_catalog(server.create_database(f"courses_{n}"), scratch, n))
            for n in (FEW, MANY)
        )
        ratios: dict[str, list[float]] = {page: [] for page in PAGES}
        for number in range(-1, rounds):
            for page in PAGES:
                first, second = (few, many) if number % 2 else (many, few)
                p50 = {app: _p50(app, page) for app in (first, second)}
                if number >= 0:  # the round before the first warms up
                    ratios[page].append(p50[many] / p50[few])
        say(f"growth: {rounds} rounds done")
    return [
        Goal(
            10,
            f"{page}, {FEW} to {MANY:,} courses: p50",
            1.2,
            f"x {FEW} courses",
            statistics.median(each),
        )
        for page, each in ratios.items()
    ]
