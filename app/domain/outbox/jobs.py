"""Background jobs, enqueued in the caller's transaction: no commit, no job."""

from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from app.database import db
from app.observability import request_id

if TYPE_CHECKING:
    from procrastinate import App

# The queue's library costs 0.15 s and 20 MB, and most web processes never enqueue anything.
# ruff: noqa: PLC0415


_GOES_BACK_TO = text("INSERT INTO procrastinate_job_requests VALUES (:job_id, :request_id)")


@cache
def _queue() -> "App":
    """Return the app that only defers: it never opens a connection of its own."""
    from procrastinate import App
    from procrastinate.contrib.sqlalchemy import SQLAlchemyPsycopg2Connector

    return App(connector=SQLAlchemyPsycopg2Connector(dsn="postgresql+psycopg2://"))


def enqueue(
    task: str,
    *,
    queue: str = "default",
    lock: str | None = None,
    queueing_lock: str | None = None,
    delay_seconds: int = 0,
    **arguments: Any,
) -> bool:
    """Queue `task` by name with JSON-serialisable `arguments` in the current transaction.

    With `delay_seconds` it runs that much later. Return False when a job with the same
    `queueing_lock` is waiting already. The id of the request goes along, into the job's log lines.
    """
    from procrastinate.exceptions import AlreadyEnqueued

    def defer() -> None:
        connection = db.session.connection()
        job_id = (
            _queue()
            .configure_task(
                task,
                queue=queue,
                lock=lock,
                queueing_lock=queueing_lock,
                schedule_in={"seconds": delay_seconds} if delay_seconds else None,
                connection=connection,
            )
            .defer(**arguments)
        )
        if asked_by := request_id():
            connection.execute(_GOES_BACK_TO, {"job_id": job_id, "request_id": asked_by})

    if queueing_lock is None:
        defer()
        return True
    try:
        with db.session.begin_nested():  # which begins with the connection that is asked for in it
            defer()
    except AlreadyEnqueued:
        return False
    return True
