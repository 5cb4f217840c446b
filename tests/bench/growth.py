"""Row 10: what a catalog page costs with a few courses and with many, nothing cached."""

import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
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
from tests.support.filling import without_indexes
from tests.support.known_secrets import SECRETS
from tests.support.postgres import Server, temporary_server
from tests.support.server import ROOT

FEW = 36  # fills every page with twelve cards
REQUESTS = 40
# No cache: development renders every page anew.
PAGES = (
    "/courses",
    "/courses?level=beginner&sort=newest",
    "/courses?q=part+35",  # finds one of them
)


@contextmanager
def _catalog(url: str, directory: Path, courses: int) -> Iterator[Flask]:
    settings = {"APP_ENV": "development", "DATABASE_URL": url, "DATA_DIR": str(directory)}
    address = {"PUBLIC_BASE_URL": "http://localhost", "LOG_LEVEL": "warning"}
    with made_app({**settings, **address, **SECRETS}) as app:
        with app.app_context():
            upgrade(directory=str(ROOT / "migrations"))
            factories.make_category()
            with filling("courses", "sections", "lessons"):
                bulk_courses(courses)
        yield app


@contextmanager
def filling(*tables: str) -> Iterator[None]:
    """Fill `tables` in the block, quickly; leave them as autovacuum would, which has no time to."""
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        # Nobody waits for this, but it may wait for autovacuum.
        connection.execute(text("SET statement_timeout = 0"))
        connection.execute(text("SET lock_timeout = 0"))
        with without_indexes(connection, tables):
            db.session.execute(text("SET LOCAL statement_timeout = 0"))
            db.session.execute(text("SET LOCAL session_replication_role = replica"))
            yield
        connection.execute(text("VACUUM (ANALYZE)"))
        connection.invalidate()  # what was set is for nobody else


def p50(act: Callable[[], object], times: int = REQUESTS) -> float:
    """Return the median of the seconds that `act` takes."""
    seconds = []
    for _ in range(times):
        began = time.perf_counter()
        act()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def _asking(app: Flask, page: str) -> Callable[[], None]:
    client = app.test_client()

    def ask() -> None:
        answer = client.get(page)
        if answer.status_code != 200:
            raise RuntimeError(f"{page} answered {answer.status_code}")

    return ask


def compare(acts: Mapping[int, Callable[[], object]], ratios: dict[int, list[float]]) -> None:
    """Time each act by its size, the smallest first; add how many times longer the others took."""
    seconds = {size: p50(act) for size, act in acts.items()}
    smallest = min(seconds)
    for size in acts:
        if size != smallest:
            ratios.setdefault(size, []).append(seconds[size] / seconds[smallest])


def trusting(server: Server) -> None:
    """Let the owner of the databases fill them without each reference being looked up."""
    server.execute(f'GRANT SET ON PARAMETER session_replication_role TO "{server.owner}"')


def measure(say: Callable[[str], None], many: Sequence[int], rounds: int = ROUNDS) -> list[Goal]:
    """Compare the catalogs, interleaved, and return a goal for each kind of page and size."""
    with ExitStack() as stack:
        server = stack.enter_context(temporary_server(DURABLE))
        trusting(server)
        scratch = Path(stack.enter_context(TemporaryDirectory(prefix="growth-")))
        apps: dict[int, Flask] = {}
        for size in (FEW, *many):
            url = server.create_database(f"courses_{size}")
            apps[size] = stack.enter_context(_catalog(url, scratch, size))
            say(f"growth: {size:,} courses made")
        asking = {page: {size: _asking(app, page) for size, app in apps.items()} for page in PAGES}
        ratios: dict[str, dict[int, list[float]]] = {page: {} for page in PAGES}
        for number in range(-1, rounds):
            for page, acts in asking.items():
                ordered = acts if number % 2 else dict(reversed(acts.items()))
                # The round before the first warms up.
                compare(ordered, ratios[page] if number >= 0 else {})
        say(f"growth: {rounds} rounds done")
    return [
        goal(f"{page}, {FEW} to {size:,} courses", f"{FEW} courses", each)
        for page, sizes in ratios.items()
        for size, each in sorted(sizes.items())
    ]


def goal(what: str, base: str, ratios: Sequence[float]) -> Goal:
    """Return the goal of something that may hardly cost more as the house grows."""
    return Goal(10, f"{what}: p50", 1.2, f"x {base}", statistics.median(ratios))
