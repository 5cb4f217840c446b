"""What the queue keeps for people: where its workers run, and what a job raised the last time."""

import logging
import os
import socket
from collections.abc import Awaitable, Callable
from typing import Any

from procrastinate import App, JobContext
from procrastinate.exceptions import ConnectorException, JobAborted
from procrastinate.worker import Worker

from app.domain.outbox import job_errors
from app.worker.retries import Interrupted

log = logging.getLogger("worker")

_ANNOUNCE = """
INSERT INTO procrastinate_worker_places (worker_id, host, pid, queue, concurrency, release)
VALUES (%(worker_id)s, %(host)s, %(pid)s, %(queue)s, %(concurrency)s, %(release)s)
ON CONFLICT (worker_id) DO NOTHING
"""


async def announce(worker: Worker, release: str) -> None:
    """Say where a worker runs that has just got its number; without that it works as well."""
    try:
        await worker.app.connector.execute_query_async(
            _ANNOUNCE,
            worker_id=worker.worker_id,
            host=socket.gethostname(),
            pid=os.getpid(),
            queue=", ".join(worker.queues or ()),
            concurrency=worker.concurrency,
            release=release,
        )
    except ConnectorException as error:
        log.warning("where this worker runs could not be noted: %s", error)


async def note_errors(
    call_next: Callable[[], Awaitable[Any]], context: JobContext, _: Worker
) -> Any:
    """Run a job, and keep what it raises; being told to stop is no error."""
    try:
        return await call_next()
    except (Interrupted, JobAborted):
        raise
    except Exception as error:
        await note(context.app, context.job.id, job_errors.kind_of(error), job_errors.told(error))
        raise


async def note(queue: App, job_id: int | None, kind: str, message: str) -> None:
    """Keep what is wrong with a job; while the database is away that is lost."""
    try:
        await queue.connector.execute_query_async(
            job_errors.NOTE, job_id=job_id, kind=kind, message=message
        )
    except ConnectorException as error:
        log.warning("what job %s raised could not be noted: %s", job_id, error)
