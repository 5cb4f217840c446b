"""The queue: every task that the application names is one that the worker knows."""

import ast
import asyncio

import pytest
from flask import Flask
from procrastinate import App

from app.domain.accounts.export import EXPORT_TASK
from app.domain.outbox.mail import SEND_TASK
from app.domain.videos.ingest import TRANSCODE_TASK
from app.worker import tasks
from tests.support import sources

PERIODIC = {
    "backups.media",
    "backups.take",
    "courses.sweep_transfers",
    "storage.sweep",
    "uploads.sweep",
    "accounts.delete_due",
    "accounts.forget_old",
    "accounts.sweep_exports",
    "audit.say_head",
    "jobs.forget_old",
    "jobs.retry_stalled",
    "mail.forget_old",
    "payments.check_open",
    "payments.reconcile",
    "videos.sweep",
}


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
    periodic = {task.task.name for task in queue.periodic_registry.periodic_tasks.values()}
    assert periodic == PERIODIC
