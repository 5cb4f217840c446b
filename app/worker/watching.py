"""What is told of each job: which request it goes back to, how long it took, what it ended with."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any

import structlog
from procrastinate import JobContext
from procrastinate.exceptions import ConnectorException, JobAborted
from procrastinate.worker import Worker

from app import error_reports, metrics
from app.observability import working_for
from app.sql_use import sql_use
from app.worker.retries import RunAgain

log = structlog.get_logger()
_ASKED_BY = "SELECT request_id FROM procrastinate_job_requests WHERE job_id = %(job_id)s"
_sql: ContextVar[dict[str, float]] = ContextVar("sql_of_job")


async def watch(call_next: Callable[[], Awaitable[Any]], context: JobContext, _: Worker) -> Any:
    """Run a job, have its lines carry its request's id and its own, and log what became of it."""
    job = context.job
    with working_for(
        await _asked_by(context),
        job_id=job.id or 0,
        task=job.task_name,
        queue=job.queue,
        attempt=job.attempts + 1,
    ):
        started, sql = time.perf_counter(), {"count": 0.0, "seconds": 0.0}
        token = _sql.set(sql)
        error: BaseException | None = None
        try:
            return await call_next()
        except BaseException as raised:
            error = raised
            raise
        finally:
            _sql.reset(token)
            seconds = time.perf_counter() - started
            metrics.job_seconds.labels(job.task_name, _outcome(error)).observe(seconds)
            _tell(error, seconds, sql)


def _tell(error: BaseException | None, seconds: float, sql: dict[str, float]) -> None:
    """Log what became of a job, and report what nobody expected."""
    outcome = _outcome(error)
    is_failure = outcome == "failed"
    fields = {} if error is None else {"error": f"{type(error).__name__}: {error}"}
    (log.error if is_failure else log.info)(
        "job",
        logger="worker",
        outcome=outcome,
        duration_ms=round(seconds * 1000, 1),
        sql_count=int(sql["count"]),
        sql_ms=round(sql["seconds"] * 1000, 1),
        exc_info=error if is_failure else None,
        **fields,
    )
    if error is not None and is_failure:
        error_reports.report(error)


def _outcome(error: BaseException | None) -> str:
    if isinstance(error, RunAgain):
        return "postponed"
    if isinstance(error, JobAborted | asyncio.CancelledError):
        return "aborted"
    return "done" if error is None else "failed"


def count_sql(call_next: Callable[[], Any], _: JobContext, __: Worker) -> Any:
    """Count the statements of a job in the thread that runs it."""
    use = sql_use()
    use.reset()
    try:
        return call_next()
    finally:
        _sql.get().update(count=use.count, seconds=use.seconds)


async def _asked_by(context: JobContext) -> str:
    """Return the id of the request that the job goes back to; without the database nothing."""
    try:
        rows = await context.app.connector.execute_query_all_async(_ASKED_BY, job_id=context.job.id)
    except ConnectorException:
        return ""
    return rows[0]["request_id"] if rows else ""
