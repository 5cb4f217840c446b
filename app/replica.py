"""A streaming replica to read from: whether it may be asked now, and what happens when it fails.

Nothing here knows of requests; `web/reading.py` decides which reads may come here at all.
"""

import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

import psycopg2
from psycopg2.errors import QueryCanceled
from sqlalchemy import BigInteger, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.database import Prepared, db, reading_from
from app.errors import NotFound
from app.timed_cursor import TimedCursor

T = TypeVar("T")

LOOK_EVERY_SECONDS = 0.25
MAX_LAG_SECONDS = 5.0
CONNECT_SECONDS = 1
STATEMENT_SECONDS = 5
RETRY_SECONDS = 5.0
LOG_EVERY_SECONDS = 60.0
NEVER = float("-inf")

# Bytes of the write-ahead log: of what was made durable, as every commit is but those of leases
# (adr/0016), and of what the replica has. What no commit asked for may stay in memory, and from the
# replica, for minutes.
_WRITTEN = Prepared(
    text("SELECT pg_wal_lsn_diff(pg_current_wal_flush_lsn(), '0/0')::bigint AS position").columns(
        position=BigInteger
    )
)
_REPLAYED = text("SELECT pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0')::bigint")

log = logging.getLogger("replica")


def written_position() -> int:
    """Return where the primary's write-ahead log ends: past everything committed so far."""
    return int(_WRITTEN.first({}).position)


class Replica:
    """Reads go here while it answers, has replayed what the reader wrote, and is not far behind.

    Each process looks at most every 250 ms, within a request; one request looks for all.
    """

    def __init__(self, url: str, pool_size: int) -> None:
        self._replayed = -1
        self._fresh_as_of = NEVER  # it holds all that was committed before then
        self._mark = (0, NEVER)  # where the primary was, and when
        self._look_again_at = NEVER
        self._away_until = NEVER
        self._looking = threading.Lock()
        self._looking_since = NEVER
        self._logged_at = NEVER
        self._engine = _engine(url, pool_size)

    def read(self, read: Callable[[], T], written: int) -> T:
        """Return what `read` finds, on the replica if it holds the log up to `written`.

        Whatever it cannot do the primary does, without the caller noticing: it may be gone, may
        cancel a statement to go on replaying, or may not know yet what was asked for.
        """
        if not self._may_serve(written):
            return read()
        try:
            with reading_from(self._engine):
                return read()
        except NotFound:
            return read()
        except (OperationalError, PoolTimeout) as error:
            if isinstance(getattr(error, "orig", None), QueryCanceled):
                raise  # it was slow, and would be on the primary, which has more to do
            self._leave(_said(error))
            return read()
        except DBAPIError as error:
            self._tell(_said(error))
            return read()

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    def _may_serve(self, written: int) -> bool:
        now = time.monotonic()
        if now < self._away_until:
            return False
        if now >= self._look_again_at and not self._look(now):
            return False
        if now - self._fresh_as_of > MAX_LAG_SECONDS:
            if now - self._mark[1] > MAX_LAG_SECONDS:  # else it has not been looked at for a while
                self._tell(f"it is more than {MAX_LAG_SECONDS:g} s behind")
            return False
        return self._replayed >= written

    def _look(self, now: float) -> bool:
        """Find out how far it is; False when it must be left alone."""
        if not self._looking.acquire(blocking=False):
            return now - self._looking_since < CONNECT_SECONDS
        try:
            self._looking_since = now
            self._compare(now)
        except (SQLAlchemyError, _NoReplica) as error:
            self._leave(_said(error))
            return False
        finally:
            self._looking.release()
        self._look_again_at = time.monotonic() + LOOK_EVERY_SECONDS
        return True

    def _compare(self, now: float) -> None:
        """Set how far the replica is, and when the primary was there last."""
        written = _written_if_known()
        with self._engine.connect() as connection:
            replayed = connection.execute(_REPLAYED).scalar()
        if replayed is None:
            raise _NoReplica("DATABASE_REPLICA_URL names a server that is no replica")
        self._replayed = replayed
        if written is None or replayed >= written:
            # Without a primary nobody can say how far behind it is, and there is nothing else.
            self._fresh_as_of = now
        elif replayed >= self._mark[0]:
            self._fresh_as_of = max(self._fresh_as_of, self._mark[1])
            self._mark = (written, now)

    def _leave(self, reason: str) -> None:
        self._away_until = time.monotonic() + RETRY_SECONDS
        self._look_again_at = NEVER
        self._tell(reason)

    def _tell(self, reason: str) -> None:
        if time.monotonic() - self._logged_at >= LOG_EVERY_SECONDS:
            self._logged_at = time.monotonic()
            log.warning("reads go to the primary, not to the replica: %s", reason)


class _NoReplica(Exception):
    """The server takes writes itself: it was promoted, or the setting names another one."""


def _said(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _written_if_known() -> int | None:
    """Return where the primary is; None while it cannot be asked."""
    try:
        return written_position()
    except (DBAPIError, PoolTimeout):
        db.session.rollback()
        return None


def _engine(url: str, pool_size: int) -> Engine:
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=CONNECT_SECONDS,
        hide_parameters=True,
        connect_args={
            "application_name": "web-reads",
            "cursor_factory": TimedCursor,
            "connect_timeout": CONNECT_SECONDS,
            "tcp_user_timeout": CONNECT_SECONDS * 1000,
            "options": f"-c statement_timeout={STATEMENT_SECONDS * 1000}"
            " -c idle_in_transaction_session_timeout=10000 -c timezone=UTC",
        },
    )
    watch = _Watch()
    event.listen(engine, "checkout", watch.begin)
    event.listen(engine, "checkin", watch.end)
    event.listen(engine, "close", watch.end)
    return engine


class _Watch:
    """Cuts connections kept busy past the server's own time limit, as only one that hangs does.

    The driver would wait for ever, and with it every thread that was reading then.
    """

    def __init__(self) -> None:
        self._busy: dict[Any, float] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def begin(self, driver: Any, _record: Any, _proxy: Any) -> None:
        """Note that a connection is in use; the first one begins the watch."""
        with self._lock:
            self._busy[driver] = time.monotonic() + STATEMENT_SECONDS + CONNECT_SECONDS
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, daemon=True, name="replica")
                self._thread.start()

    def end(self, driver: Any, _record: Any) -> None:
        """Note that a connection is no longer in use, or about to be closed."""
        with self._lock:
            self._busy.pop(driver, None)

    def _watch(self) -> None:
        while True:
            time.sleep(1)
            with self._lock:
                for driver in [
                    one for one, until in self._busy.items() if until < time.monotonic()
                ]:
                    del self._busy[driver]
                    with (
                        suppress(OSError, psycopg2.Error),
                        socket.socket(fileno=os.dup(driver.fileno())) as shared,
                    ):
                        shared.shutdown(socket.SHUT_RDWR)
