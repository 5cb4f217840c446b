"""The scheduler process: it queues what falls due, once, and runs none of it."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text

from app.current import settings
from app.database import db
from tests.support.known_secrets import SECRETS
from tests.support.server import running, wait_until

pytestmark = pytest.mark.waits
EVERY_15_SECONDS = {"jobs.retry_stalled", "payments.check_open"}

Process = subprocess.Popen[bytes]


@pytest.fixture
def start(committed_app: Flask, tmp_path: Path) -> Iterator[Callable[[str], Process]]:
    """A function that starts a verb that goes on until it is told to stop."""
    environment = {
        **SECRETS,
        "APP_ENV": "development",
        "DATABASE_URL": settings.database_url,
        "DATA_DIR": str(settings.data_dir),
    }
    with ExitStack() as stack:

        def start(verb: str) -> Process:
            command = [sys.executable, "-m", "flask", "--app", "wsgi", verb]
            return stack.enter_context(running(command, environment, tmp_path / f"{verb}.log"))

        yield start


def _jobs(where: str = "true") -> set[str]:
    db.session.rollback()
    query = f"SELECT task_name FROM procrastinate_jobs WHERE {where}"
    return set(db.session.scalars(text(query)))


def _rows(query: str) -> int:
    db.session.rollback()
    return len(db.session.execute(text(query)).all())


def test_it_queues_what_is_due_and_runs_nothing(start: Callable[[str], Process]) -> None:
    """The hourly and nightly ones that fell due within the window are made good at once."""
    scheduler = start("scheduler")
    wait_until(lambda: _jobs() >= {*EVERY_15_SECONDS, "videos.sweep"}, 30, "the jobs are queued")
    assert _jobs("status <> 'todo'") == set()
    scheduler.terminate()
    assert scheduler.wait(10) == 0


def _last_time() -> int:
    """Return when the take-over of stalled jobs was last due, as far as anybody queued it."""
    db.session.rollback()
    query = "SELECT max(defer_timestamp) FROM procrastinate_periodic_defers WHERE task_name = :name"
    return db.session.scalar(text(query), {"name": "jobs.retry_stalled"}) or 0


def test_two_of_them_queue_each_task_and_time_once(start: Callable[[str], Process]) -> None:
    start("scheduler")
    start("scheduler")
    wait_until(lambda: _jobs() >= EVERY_15_SECONDS, 60, "the jobs are queued")
    before = _last_time()
    # As if they had run: no lock of an earlier job keeps the next one out of the queue.
    db.session.execute(text("UPDATE procrastinate_jobs SET queueing_lock = id"))
    db.session.commit()
    wait_until(lambda: _last_time() >= before + 15, 40, "the next time has come")
    queued = "SELECT id FROM procrastinate_jobs WHERE task_name = 'jobs.retry_stalled'"
    times = "SELECT DISTINCT args->>'timestamp' FROM procrastinate_jobs"
    due = f"{times} WHERE task_name = 'jobs.retry_stalled'"
    assert _rows(queued) == _rows(due) > 1


def test_a_worker_runs_the_jobs_and_queues_none(start: Callable[[str], Process]) -> None:
    worker = start("worker")
    living = "SELECT id FROM procrastinate_workers"
    wait_until(lambda: _rows(living) >= 3, 60, "its queues are attended to")
    assert _rows("SELECT id FROM procrastinate_periodic_defers") == 0
    scheduler = start("scheduler")
    wait_until(
        lambda: _last_time() > 0 and _jobs() == set(), 60, "the jobs have been queued and run"
    )
    scheduler.kill()
    worker.terminate()
    assert worker.wait(20) == 0
