"""The worker process: runs the queue's workers until it is told to stop or the database goes."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import Callable
from typing import Any, cast

from flask import Flask, current_app
from procrastinate import App, JobContext
from procrastinate.worker import Worker

from app.current import settings
from app.domain.outbox.mail import MAIL_QUEUE
from app.domain.videos.ingest import MEDIA_QUEUE
from app.observability import log_uncaught
from app.worker import mail, noting, tasks, watching
from app.worker.scheduler import defer_by_the_clock
from app.worker.timetable import BACKUP_QUEUE, DEFAULT_QUEUE

log = logging.getLogger("worker")

_MEDIA_GRACE_SECONDS = 1.0
_DEFAULT_GRACE_SECONDS = 10.0
_MAIL_GRACE_SECONDS = 15.0  # longer than a vendor may take to answer


class JobWorker(Worker):
    """A worker that leaves the clock to the scheduler.

    procrastinate's own defers periodic tasks as well; when there are none, that side task ends and
    with it the watch over the others.
    """

    async def _periodic_deferrer(self) -> None:
        await asyncio.Event().wait()

    async def _run_loop(self) -> None:
        await noting.announce(self, settings.release)
        await super()._run_loop()  # type: ignore[no-untyped-call]

    async def _process_job(self, context: JobContext) -> None:
        task = context.job.task_name
        if task not in self.app.tasks:  # of another release; that ends before any middleware
            said = f"This release knows no task {task}."
            await noting.note(self.app, context.job.id, "TaskNotFound", said)
        await super()._process_job(context)


def run_worker(concurrency: int, *, with_scheduler: bool = False) -> None:
    """Run background jobs of the current application until SIGTERM or SIGINT.

    Installations that run no scheduler have `with_scheduler` defer what falls due, too.

    One transcode at a time, whatever `concurrency` says: it takes all cores. Each of the other
    queues runs `concurrency` jobs beside it, so that neither taking over stalled jobs waits for a
    video nor anything for a mail server that does not answer.
    Returns when the database goes away, too; who started the process starts it again.
    """
    flask_app = cast(Any, current_app)._get_current_object()  # noqa: SLF001 - Flask's own recipe
    log_uncaught()
    mail.warn_of_outbox()
    asyncio.run(_run(tasks.build(cast(Flask, flask_app)), concurrency, with_scheduler))


async def _run(queue: App, concurrency: int, with_scheduler: bool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_stopping(stop))
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    beside = max(1, concurrency)
    async with queue.open_async():
        workers = [
            asyncio.create_task(_worker(queue, *what))
            for what in (
                (MEDIA_QUEUE, 1, _MEDIA_GRACE_SECONDS),
                (DEFAULT_QUEUE, beside, _DEFAULT_GRACE_SECONDS),
                (MAIL_QUEUE, beside, _MAIL_GRACE_SECONDS),
                (BACKUP_QUEUE, 1, _DEFAULT_GRACE_SECONDS),
            )
        ]
        if with_scheduler:
            workers.append(asyncio.create_task(defer_by_the_clock(queue)))
        told = asyncio.create_task(stop.wait())
        await asyncio.wait([told, *workers], return_when=asyncio.FIRST_COMPLETED)
        log.info("stopping")
        for task in (told, *workers):
            task.cancel()
        for worker in workers:
            with contextlib.suppress(asyncio.CancelledError):
                await worker


def _stopping(stop: asyncio.Event) -> Callable[[asyncio.AbstractEventLoop, dict[str, Any]], None]:
    """Return a handler that ends the process after an error that nobody awaited.

    Such a one comes from a job whose end could not be written because PostgreSQL was away. While
    this process lives, the job would count as running; once it is gone, another takes it over.
    """

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        loop.default_exception_handler(context)
        stop.set()

    return handle


async def _worker(queue: App, name: str, concurrency: int, grace_seconds: float) -> None:
    worker: Any = JobWorker(  # its methods say nothing of types
        queue,
        name=name,
        queues=[name],
        concurrency=concurrency,
        shutdown_graceful_timeout=grace_seconds,
        install_signal_handlers=False,
        update_heartbeat_interval=tasks.HEARTBEAT_SECONDS,
        stalled_worker_timeout=tasks.STALLED_SECONDS,
        delete_jobs="successful",
        worker_middleware=[watching.watch, noting.note_errors],
        task_middleware=[watching.count_sql],
    )
    running = asyncio.create_task(worker.run())
    try:
        await asyncio.shield(running)
    except asyncio.CancelledError:
        worker.stop()
        await running
        raise
