"""Where processes and hosts share what they keep: Redis where there is one, else nowhere."""

import importlib
import time
from collections.abc import Callable
from functools import cached_property
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

from app.config import Settings

T = TypeVar("T")

# A page is made in some milliseconds: who waits longer for a copy of it has lost already.
WAIT_SECONDS = 0.1
RETRY_SECONDS = 5.0
CLUSTER = "redis+cluster"
SCHEMES = ("redis", "rediss", "unix", CLUSTER)


class CacheStore(Protocol):
    """Bytes under names, for a while. It may forget anything at any time, and never fails."""

    def get(self, name: str) -> bytes | None:
        """Return what is kept under `name`, if it is."""
        ...

    def put(self, name: str, value: bytes, seconds: int) -> None:
        """Keep `value` under `name` for `seconds`."""
        ...

    def claim(self, name: str, seconds: int) -> bool:
        """Whether the caller is the one who makes what belongs under `name`; others may wait.

        The claim ends after `seconds`. Everybody has it where nothing is shared.
        """
        ...

    def release(self, name: str) -> None:
        """Let the next one claim `name` at once, whatever came of it."""
        ...

    @property
    def is_shared(self) -> bool:
        """Whether others read it, too, and can be reached now."""
        ...


class NoStore:
    """Nothing is shared: each process has what it keeps itself."""

    is_shared = False

    def get(self, name: str) -> bytes | None:  # noqa: ARG002
        """Return None."""
        return None

    def put(self, name: str, value: bytes, seconds: int) -> None:
        """Keep nothing."""

    def claim(self, name: str, seconds: int) -> bool:  # noqa: ARG002
        """Return True: nobody else makes it for this process."""
        return True

    def release(self, name: str) -> None:
        """Give nothing up."""


class RedisStore:
    """One Redis or a cluster of them; while it is away it is as if it were empty.

    After a failure it is left alone for some seconds, so that a host that does not answer costs
    one request a tenth of a second and no more.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._away_until = 0.0

    @property
    def is_shared(self) -> bool:
        """Whether it answered when it was asked last."""
        return time.monotonic() >= self._away_until

    def get(self, name: str) -> bytes | None:
        """Return what is kept under `name`, if it is."""
        value = self._try(lambda: self._client.get(name))
        return value if isinstance(value, bytes) else None

    def put(self, name: str, value: bytes, seconds: int) -> None:
        """Keep `value` under `name` for `seconds`."""
        self._try(lambda: self._client.set(name, value, ex=seconds))

    def claim(self, name: str, seconds: int) -> bool:
        """Whether nobody else has claimed `name`; True while nobody can be asked."""
        was_set = self._try(lambda: self._client.set(name, b"1", ex=seconds, nx=True))
        return bool(was_set) or not self.is_shared

    def release(self, name: str) -> None:
        """Let the next one claim `name` at once."""
        self._try(lambda: self._client.delete(name))

    def _try(self, ask: Callable[[], T]) -> T | None:
        if not self.is_shared:
            return None
        try:
            return ask()
        except (self._redis.RedisError, self._redis.RedisClusterException, OSError):
            self._away_until = time.monotonic() + RETRY_SECONDS
            return None

    @cached_property
    def _redis(self) -> Any:
        """The library's errors; it is loaded when Redis is asked first."""
        from redis import exceptions  # noqa: PLC0415 - only where it is used

        return exceptions

    @cached_property
    def _client(self) -> Any:
        redis: Any = importlib.import_module("redis")  # only where it is used
        from redis.backoff import NoBackoff  # noqa: PLC0415
        from redis.retry import Retry  # noqa: PLC0415

        options: dict[str, Any] = {
            "socket_timeout": WAIT_SECONDS,
            "socket_connect_timeout": WAIT_SECONDS,
            "retry": Retry(NoBackoff(), 0),
        }
        parts = urlsplit(self._url)
        if parts.scheme != CLUSTER:
            return redis.Redis.from_url(self._url, **options)
        nodes = (host.rpartition(":") for host in parts.netloc.rpartition("@")[2].split(","))
        return redis.RedisCluster(
            startup_nodes=[redis.cluster.ClusterNode(host, int(port)) for host, _, port in nodes],
            username=parts.username,
            password=parts.password,
            require_full_coverage=False,
            **options,
        )


def build_store(settings: Settings) -> CacheStore:
    """Return the store that REDIS_URL names; addresses that only counters understand are none."""
    if settings.redis_url and urlsplit(settings.redis_url).scheme in SCHEMES:
        return RedisStore(settings.redis_url)
    return NoStore()
