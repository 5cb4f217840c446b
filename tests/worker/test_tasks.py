"""The queue: every task that the application names is one that the worker knows."""

import ast
import asyncio
from inspect import signature

import pytest
from flask import Flask
from procrastinate import App
from procrastinate.testing import InMemoryConnector

from app.domain.accounts.export import EXPORT_TASK
from app.domain.outbox.mail import SEND_TASK
from app.domain.videos.ingest import TRANSCODE_TASK
from app.worker import tasks, timetable
from app.worker.timetable import TIMETABLE
from tests.support import sources


@pytest.fixture
def queue(app: Flask) -> App:
    """The worker's queue, not connected to anything."""

    async def build() -> App:
        return tasks.build(app)

    return asyncio.run(build())


def test_every_task_that_is_named_is_known(queue: App) -> None:
    """By convention the name of a queued task is a constant that ends in _TASK."""
    named = {
        str(node.value.value)
        for path in sources.application_modules()
        for node in ast.walk(sources.tree(path))
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Constant)
        and any(isinstance(name, ast.Name) and name.id.endswith("_TASK") for name in node.targets)
    }
    assert {EXPORT_TASK, SEND_TASK, TRANSCODE_TASK} <= named
    assert named <= set(queue.tasks)


def test_what_runs_by_the_clock_is_registered(queue: App) -> None:
    periodic = queue.periodic_registry.periodic_tasks.values()
    assert {(each.task.name, each.cron) for each in periodic} == {
        (due.task, due.cron) for due in TIMETABLE
    }


def test_only_what_runs_by_the_clock_is_given_the_time(queue: App) -> None:
    given = {
        name for name, task in queue.tasks.items() if "timestamp" in signature(task.func).parameters
    }
    assert given == {due.task for due in TIMETABLE}


def test_what_falls_due_waits_where_it_is_run_and_once() -> None:
    """The scheduler knows no more of a task than its name."""

    async def scheduled() -> App:
        queue = App(connector=InMemoryConnector())
        timetable.name_tasks(queue)
        timetable.apply(queue)
        return queue

    queue = asyncio.run(scheduled())
    periodic = queue.periodic_registry.periodic_tasks.values()
    waits = {each.task.name: each.task.configure(**each.configure_kwargs).job for each in periodic}
    assert set(waits) == {due.task for due in TIMETABLE}
    assert all(job.queueing_lock == name for name, job in waits.items())
    assert {name for name, job in waits.items() if job.queue == "backups"} == {
        "backups.media",
        "backups.take",
    }
    assert {job.queue for job in waits.values()} == {"backups", "default"}
