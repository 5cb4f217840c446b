"""Counters of rate limits: exact across processes in PostgreSQL (or Redis), never unlimited.

`PostgresStorage` keeps them in an UNLOGGED table; `FallbackStorage` stands in front of a shared
storage and counts in this process while that is unreachable. Both are fixed-window storages.
"""

import random
import threading
import time
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, TypeVar, cast

from limits.errors import ConfigurationError
from limits.storage import MemoryStorage, Storage, storage_from_string
from sqlalchemy import Engine, TextClause, create_engine, text
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.config import Settings
from app.timed_cursor import TimedCursor

T = TypeVar("T")

POSTGRES_SCHEME = "postgresql+limits"
FALLBACK_SCHEME = "fallback"
CONNECTIONS = 2
WAIT_SECONDS = 1
SWEEP_EVERY_HITS = 200
SWEEP_ROWS = 1000
HEADERS_SECONDS = 1.0
RETRY_SECONDS = 2.0

# Unlogged: losing the counters in a crash is cheap, a WAL flush on every hit is not.
RATE_LIMITS_DDL = (
    "CREATE UNLOGGED TABLE rate_limits ("
    " key text NOT NULL,"
    " hits integer NOT NULL,"
    " expires_at timestamptz NOT NULL,"
    " CONSTRAINT pk_rate_limits PRIMARY KEY (key))",
    "CREATE INDEX ix_rate_limits_expires_at ON rate_limits (expires_at)",
)

# One statement, so the row's lock makes the count exact; a window begins with its first hit, and
# a negative amount gives hits back.
_HIT = text("""
    INSERT INTO rate_limits AS r (key, hits, expires_at)
    VALUES (:key, greatest(:amount, 0), clock_timestamp() + make_interval(secs => :seconds))
    ON CONFLICT (key) DO UPDATE SET
        hits = CASE WHEN r.expires_at <= clock_timestamp() THEN excluded.hits
                    ELSE greatest(r.hits + :amount, 0) END,
        expires_at = CASE WHEN r.expires_at <= clock_timestamp() THEN excluded.expires_at
                          ELSE r.expires_at END
    RETURNING hits, extract(epoch FROM expires_at)::float8
""")
_READ = text("""
    SELECT hits, extract(epoch FROM expires_at)::float8 FROM rate_limits
    WHERE key = :key AND expires_at > clock_timestamp()
""")
_CLEAR = text("DELETE FROM rate_limits WHERE key = :key")
_RESET = text("DELETE FROM rate_limits")
_CHECK = text("SELECT 1 FROM rate_limits LIMIT 1")
_SWEEP = text("""
    DELETE FROM rate_limits WHERE key IN (
        SELECT key FROM rate_limits WHERE expires_at <= clock_timestamp()
        ORDER BY expires_at LIMIT :rows FOR UPDATE SKIP LOCKED)
""")


def limit_storage_uri(settings: Settings) -> str:
    """Return the address of the counters: Redis when there is one, else the database."""
    shared = settings.redis_url or POSTGRES_SCHEME + settings.database_url.removeprefix(
        "postgresql+psycopg2"
    )
    return f"{FALLBACK_SCHEME}:{settings.web_workers}:{shared}"


class PostgresStorage(Storage):
    """Counts on few connections of its own, each hit its own transaction."""

    STORAGE_SCHEME = [POSTGRES_SCHEME]

    def __init__(self, uri: str, wrap_exceptions: bool = False, **options: Any) -> None:
        super().__init__(uri, wrap_exceptions=wrap_exceptions, **options)
        self._url = "postgresql+psycopg2" + uri.removeprefix(POSTGRES_SCHEME)
        self._own = threading.local()

    @cached_property
    def _engine(self) -> Engine:
        return create_engine(
            self._url,
            isolation_level="AUTOCOMMIT",
            pool_size=CONNECTIONS,
            max_overflow=0,
            pool_timeout=WAIT_SECONDS,
            pool_pre_ping=True,
            connect_args={
                "application_name": "limits",
                "cursor_factory": TimedCursor,
                "connect_timeout": WAIT_SECONDS,
                "options": f"-c statement_timeout={WAIT_SECONDS * 1000}",
            },
        )

    @property
    def base_exceptions(self) -> type[Exception] | tuple[type[Exception], ...]:
        return (OperationalError, InterfaceError, PoolTimeout)

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Add `amount` to `key`, which forgets after `expiry` seconds; return the new count."""
        hits, expires_at = self._execute(_HIT, key=key, amount=amount, seconds=expiry)[0]
        self._remember(key, (hits, expires_at))
        if random.randrange(SWEEP_EVERY_HITS) == 0:  # noqa: S311 (a chance, not a secret)
            self.sweep()
        return int(hits)

    def get(self, key: str) -> int:
        """Return the count of `key`, 0 when its window is over."""
        hits = self._read(key)[0]
        self._windows.pop(key, None)
        return hits

    def get_expiry(self, key: str) -> float:
        """Return when the window of `key` ends, in seconds since the epoch."""
        return self._read(key)[1]

    def check(self) -> bool:
        """Whether the table can be reached."""
        try:
            self._execute(_CHECK)
        except self.base_exceptions:
            return False
        return True

    def reset(self) -> int | None:
        """Forget every count; return how many there were."""
        self._windows.clear()
        with self._engine.connect() as connection:
            return int(connection.execute(_RESET).rowcount)

    def clear(self, key: str) -> None:
        """Forget the count of `key`."""
        self._windows.clear()
        with self._engine.connect() as connection:
            connection.execute(_CLEAR, {"key": key})

    def sweep(self) -> int:
        """Delete windows that are over, at most a thousand; return how many went."""
        with self._engine.connect() as connection:
            return int(connection.execute(_SWEEP, {"rows": SWEEP_ROWS}).rowcount)

    @property
    def _windows(self) -> dict[str, tuple[float, tuple[int, float]]]:
        return self._own.__dict__

    def _remember(self, key: str, window: tuple[int, float]) -> None:
        """Keep a window this thread has just seen until its answer's headers have told it.

        A limited request would otherwise cost three statements, two of them for its headers.
        """
        now = time.monotonic()
        for known, (seen_at, _) in list(self._windows.items()):
            if now - seen_at > HEADERS_SECONDS:
                del self._windows[known]
        self._windows[key] = (now, window)

    def _read(self, key: str) -> tuple[int, float]:
        seen_at, window = self._windows.get(key, (0.0, None))
        if window is None or time.monotonic() - seen_at > HEADERS_SECONDS:
            rows = self._execute(_READ, key=key)
            window = (rows[0][0], rows[0][1]) if rows else (0, time.time())
            self._remember(key, window)
        return window

    def _execute(self, statement: TextClause, **values: Any) -> Sequence[tuple[Any, ...]]:
        with self._engine.connect() as connection:
            return connection.execute(statement, values).all()


class FallbackStorage(Storage):
    """A shared storage with a stand-in: while it is away, each process counts on its own.

    Every hit then counts as many times as there are workers, so that all of them together let
    through what one limit allows. The address is `fallback:<workers>:<address of the storage>`.
    """

    STORAGE_SCHEME = [FALLBACK_SCHEME]

    def __init__(self, uri: str, wrap_exceptions: bool = False, **options: Any) -> None:
        super().__init__(uri, wrap_exceptions=wrap_exceptions, **options)
        _, workers, shared = uri.split(":", 2)
        if not workers.isdigit():
            raise ConfigurationError(f"{FALLBACK_SCHEME}:<workers>:<storage> needs a number")
        self._workers = int(workers)
        self._address, self._options = shared, options
        self._away_until = 0.0
        if shared.startswith("redis"):  # which else waits for ever on one that hangs
            options |= {"socket_timeout": WAIT_SECONDS, "socket_connect_timeout": WAIT_SECONDS}
        self._is_cluster = shared.startswith("redis+cluster")
        if not self._is_cluster:
            _ = self._shared

    @cached_property
    def _shared(self) -> Storage:
        """A cluster is connected to when it is made, and may be away when this process begins."""
        options = dict(self._options)
        if self._is_cluster:
            from redis.backoff import NoBackoff  # noqa: PLC0415 - only where it is used
            from redis.retry import Retry  # noqa: PLC0415

            options |= {"retry": Retry(NoBackoff(), 1), "require_full_coverage": False}
        return cast(Storage, storage_from_string(self._address, **options))

    @cached_property
    def _local(self) -> MemoryStorage:
        return MemoryStorage()

    @property
    def base_exceptions(self) -> type[Exception] | tuple[type[Exception], ...]:
        if self._is_cluster:
            from redis import exceptions  # noqa: PLC0415 - only where it is used

            return (exceptions.RedisError, exceptions.RedisClusterException)
        return self._shared.base_exceptions

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        return self._either(
            lambda: self._shared.incr(key, expiry, amount),
            lambda: self._local.incr(key, expiry, amount * self._workers),
        )

    def get(self, key: str) -> int:
        return self._either(lambda: self._shared.get(key), lambda: self._local.get(key))

    def get_expiry(self, key: str) -> float:
        return self._either(
            lambda: self._shared.get_expiry(key), lambda: self._local.get_expiry(key)
        )

    def check(self) -> bool:
        try:
            return bool(self._shared.check())
        except self.base_exceptions:  # a cluster that cannot even be connected to
            return False

    def reset(self) -> int | None:
        return self._either(lambda: self._shared.reset(), self._local.reset)  # noqa: PLW0108

    def clear(self, key: str) -> None:
        self._either(lambda: self._shared.clear(key), lambda: self._local.clear(key))

    def _either(self, shared: Callable[[], T], local: Callable[[], T]) -> T:
        """Use the shared storage; after a failure leave it alone for two seconds."""
        if time.monotonic() < self._away_until:
            return local()
        try:
            return shared()
        except self.base_exceptions:
            self._away_until = time.monotonic() + RETRY_SECONDS
            return local()
