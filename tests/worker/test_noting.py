"""What a real worker process leaves for people: where it runs, and what jobs raised."""

import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from app.current import settings
from app.database import db
from app.domain.accounts.export import EXPORT_TASK
from app.domain.outbox import jobs, queue
from app.domain.outbox.queue import Job
from tests.support.known_secrets import SECRETS
from tests.support.server import running, wait_until

pytestmark = pytest.mark.waits


@pytest.fixture
def worker(committed_app: Flask, tmp_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    environment = {
        **SECRETS,
        "APP_ENV": "development",
        "DATABASE_URL": settings.database_url,
        "DATA_DIR": str(settings.data_dir),
        "RELEASE": "noted-release",
    }
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "worker"]
    with running(command, environment, tmp_path / "worker.log") as process:
        yield process


def find(task: str) -> Job | None:
    db.session.rollback()
    return next(iter(queue.list_jobs(None, 1, task=task)), None)


def has_raised(task: str) -> bool:
    job = find(task)
    return job is not None and job.error_kind is not None and job.status != "doing"


def test_a_worker_says_where_it_runs_and_what_its_jobs_raised(
    worker: "subprocess.Popen[bytes]",
) -> None:
    jobs.enqueue(EXPORT_TASK, export_id="lea@example.com is no id")
    jobs.enqueue("system.of_another_release")
    db.session.commit()
    wait_until(lambda: has_raised(EXPORT_TASK), 60, "the first job has raised something")
    wait_until(lambda: has_raised("system.of_another_release"), 60, "the second one, too")
    raised, unknown = find(EXPORT_TASK), find("system.of_another_release")
    assert raised is not None
    assert (raised.error_kind, raised.status) == ("ValueError", "todo")
    assert raised.due_at is not None  # it is tried again by itself
    assert "badly formed" in (raised.error_message or "")
    assert unknown is not None
    assert (unknown.error_kind, unknown.status) == ("TaskNotFound", "failed")
    found = queue.list_workers()
    assert {each.queue for each in found} == {"media", "default", "mail", "backups"}
    assert {(each.host, each.release) for each in found} == {(platform.node(), "noted-release")}
    assert {each.pid for each in found} == {worker.pid}
    assert os.getpid() != worker.pid
    worker.terminate()
    assert worker.wait(30) == 0
    db.session.rollback()
    assert queue.list_workers() == []
