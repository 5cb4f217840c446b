"""Connections on which each statement commits itself, past SQLAlchemy's sessions.

They are connections of an engine's pool. To check one out and in again costs a signed-in request a
tenth of its time, so one that is no longer needed rests beside the pool, ready for the next request
that wants one, until the pool needs it for somebody who comes with a session.
"""

import select
import threading
from collections import deque
from typing import Any, cast

import psycopg2
from sqlalchemy import Dialect, Engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import Pool, PoolProxiedConnection, QueuePool

COMMITS_ALONE = "commits_alone"  # marks a pooled connection whose driver is switched so


class Direct:
    """A connection that commits each statement by itself."""

    __slots__ = ("_poll", "driver", "engine", "pool", "pooled", "prepared")

    def __init__(self, engine: Engine) -> None:
        """Take a connection of the pool of `engine`. Raises OperationalError, TimeoutError."""
        self.engine, self.pool = engine, engine.pool
        self.pooled = _checked_out(engine)
        self.driver = cast(Any, self.pooled.driver_connection)
        switch(self.driver, self.pooled)
        self.prepared: set[str] = self.pooled.info.setdefault("prepared", set())
        self._poll = select.poll()
        self._poll.register(self.driver.fileno(), select.POLLIN)

    def is_alive(self) -> bool:
        """Whether its server is there: an idle connection has nothing to say (2 us)."""
        return not self.driver.closed and not self._poll.poll(0)

    def give_back(self) -> None:
        """Let the pool have it again."""
        self.pooled.close()

    def rest(self) -> None:
        """Keep it for the next `take`, unless the pool needs it."""
        if self.pool is not self.engine.pool:  # disposed of meanwhile
            self.pooled.invalidate()
        elif self.driver.closed or not isinstance(self.pool, RestingPool):
            self.give_back()
        else:
            self.pool.rest(self)


class RestingPool(QueuePool):
    """A pool beside which connections rest; nobody waits for one while another rests."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._resting: deque[Direct] = deque()
        self._coming = 0  # who is about to take a connection of the pool
        self._turn = threading.Lock()

    def in_use(self) -> int:
        """Return how many connections somebody works with at this moment."""
        return self.checkedout() - len(self._resting)

    def rest(self, direct: Direct) -> None:
        """Keep a connection that nobody needs now."""
        with self._turn:
            self._resting.append(direct)
            self._make_room()

    def wake(self) -> Direct | None:
        """Return a connection that rests, if one does."""
        try:
            return self._resting.pop()
        except IndexError:
            return None

    def dispose(self) -> None:
        """Close all that is not in use."""
        while direct := self.wake():
            direct.pooled.invalidate()
        super().dispose()

    def _do_get(self) -> Any:
        with self._turn:
            self._coming += 1
            self._make_room()
        try:
            return super()._do_get()
        finally:
            with self._turn:
                self._coming -= 1

    def _make_room(self) -> None:
        """Let everybody who comes have a connection, as far as some rest."""
        while self.checkedin() + self._max_overflow - self._overflow < self._coming:
            direct = self.wake()
            if direct is None:
                return
            direct.give_back()


def take(engine: Engine) -> Direct:
    """Return a connection that rests, else one of the pool. Raises OperationalError, TimeoutError.

    Afterwards it is to `rest` or to be given back.
    """
    pool = engine.pool
    while isinstance(pool, RestingPool) and (direct := pool.wake()):
        if direct.is_alive():
            return direct
        direct.pooled.invalidate()
    return Direct(engine)


def switch(driver: Any, pooled: Any) -> None:
    """Have each statement commit itself, until the pool gets the connection back.

    The driver's own switch says nothing to the server; `isolation_level="AUTOCOMMIT"` would send it
    two settings a request.
    """
    driver.autocommit = True
    pooled.info[COMMITS_ALONE] = True


@event.listens_for(Pool, "reset")
def _switch_back(driver: Any, record: Any, _state: Any) -> None:
    if record is not None and record.info.pop(COMMITS_ALONE, False):
        driver.autocommit = False


def _checked_out(engine: Engine) -> PoolProxiedConnection:
    try:
        return engine.raw_connection()
    except psycopg2.Error as error:
        raise as_sqlalchemy(engine.dialect, None, error, is_gone=False) from error


def as_sqlalchemy(
    dialect: Dialect, statement: str | None, error: psycopg2.Error, *, is_gone: bool
) -> Exception:
    """Return what SQLAlchemy would raise for an error of the driver."""
    failure: Exception = DBAPIError.instance(
        statement,
        None,
        error,
        psycopg2.Error,
        connection_invalidated=is_gone,
        dialect=dialect,
    )
    return failure
