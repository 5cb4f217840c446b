"""Locks that two workers dispute: dropped with the connection of whoever dies."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from app.database import db
from app.worker.retries import RunAgain

_HELD_WAIT = timedelta(seconds=15)


@contextmanager
def held(subject: UUID) -> Iterator[None]:
    """Hold `subject` against other workers; raises RunAgain while one of them holds it.

    A session-level lock on a connection of its own, outside any transaction: PostgreSQL drops it
    with the connection, so a killed worker holds nothing and one believed dead still does.
    """
    key = int.from_bytes(subject.bytes[:8], "big", signed=True)
    connection = db.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    connection.detach()
    with connection:
        if not connection.scalar(select(func.pg_try_advisory_lock(key))):
            raise RunAgain("another worker is at this", _HELD_WAIT)
        try:
            yield
        finally:
            # said aloud, because the server notices a closed connection a moment later only
            with suppress(DBAPIError):
                connection.execute(select(func.pg_advisory_unlock(key)))
