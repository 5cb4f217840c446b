"""Rate limits: exact across processes, windows that end, a stand-in that is no weaker."""

import json
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from limits import RateLimitItemPerMinute, RateLimitItemPerSecond
from limits.errors import ConfigurationError
from limits.storage import storage_from_string
from limits.strategies import FixedWindowRateLimiter
from sqlalchemy import create_engine, text

from app.config import load_settings
from app.integrations import limit_storage
from app.integrations.limit_storage import (
    POSTGRES_SCHEME,
    RATE_LIMITS_DDL,
    FallbackStorage,
    PostgresStorage,
    limit_storage_uri,
)
from tests.support.postgres import Server
from tests.support.server import ROOT, base_environment, wait_until

pytestmark = pytest.mark.no_database
TEN = RateLimitItemPerMinute(10)
HITTER = """
import json, sys
from limits import RateLimitItemPerMinute
from limits.strategies import FixedWindowRateLimiter
from limits.storage import storage_from_string
import app.integrations.limit_storage

limiter = FixedWindowRateLimiter(storage_from_string(sys.argv[1]))
limiter.storage.get("warm")
print("ready", flush=True)
sys.stdin.readline()
print(json.dumps([limiter.hit(RateLimitItemPerMinute(10), "shared") for _ in range(25)]))
"""


@pytest.fixture(scope="module")
def uri(postgres: Server) -> Iterator[str]:
    """A database that has the counters' table and nothing else."""
    name = f"limits_{uuid.uuid4().hex[:8]}"
    url = postgres.create_database(name)
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg2://"))
    with engine.begin() as connection:
        for statement in RATE_LIMITS_DDL:
            connection.execute(text(statement))
    engine.dispose()
    yield POSTGRES_SCHEME + url.removeprefix("postgresql")
    postgres.drop_database(name)


@pytest.fixture
def storage(uri: str) -> PostgresStorage:
    """Empty counters."""
    storage = storage_from_string(uri)
    assert isinstance(storage, PostgresStorage)
    storage.reset()
    return storage


@pytest.fixture
def limiter(storage: PostgresStorage) -> FixedWindowRateLimiter:
    """The strategy the application uses."""
    return FixedWindowRateLimiter(storage)


def test_limit_of_ten_lets_ten_through(limiter: FixedWindowRateLimiter) -> None:
    assert [limiter.hit(TEN, "a") for _ in range(12)] == [True] * 10 + [False] * 2


def test_keys_are_counted_apart(limiter: FixedWindowRateLimiter) -> None:
    for _ in range(10):
        limiter.hit(TEN, "a")
    assert limiter.hit(TEN, "b")


def _hitter(uri: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", HITTER, uri],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**base_environment(), "PYTHONPATH": str(ROOT)},
    )


def test_several_processes_share_one_limit_exactly(uri: str, storage: PostgresStorage) -> None:
    with ExitStack() as stack:
        processes = [stack.enter_context(_hitter(uri)) for _ in range(4)]
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        outputs = [process.communicate(timeout=60)[0] for process in processes]
    assert sum(sum(json.loads(output)) for output in outputs) == 10


def test_window_ends_and_begins_again(limiter: FixedWindowRateLimiter) -> None:
    one = RateLimitItemPerSecond(1)
    assert limiter.hit(one, "a")
    assert not limiter.hit(one, "a")
    assert wait_until(lambda: limiter.hit(one, "a"), 5, "the window ends")


def test_refused_hits_do_not_prolong_the_window(storage: PostgresStorage) -> None:
    storage.incr("a", 60)
    first = storage.get_expiry("a")
    for _ in range(5):
        storage.incr("a", 3600)
    assert storage.get_expiry("a") == first
    assert 55 < first - time.time() <= 60


def test_remaining_and_reset_are_told(limiter: FixedWindowRateLimiter) -> None:
    for _ in range(3):
        limiter.hit(TEN, "a")
    stats = limiter.get_window_stats(TEN, "a")
    assert stats.remaining == 7
    assert 50 < stats.reset_time - time.time() <= 60


def test_another_process_is_told_the_same(uri: str, limiter: FixedWindowRateLimiter) -> None:
    limiter.hit(TEN, "a")
    other = FixedWindowRateLimiter(storage_from_string(uri))
    assert other.get_window_stats(TEN, "a").remaining == 9


def test_hit_can_be_given_back(limiter: FixedWindowRateLimiter) -> None:
    for _ in range(10):
        limiter.hit(TEN, "a")
    assert limiter.hit(TEN, "a", cost=-1)
    assert limiter.hit(TEN, "a")
    assert not limiter.hit(TEN, "a")


def test_giving_back_never_makes_more_room_than_the_limit(storage: PostgresStorage) -> None:
    assert storage.incr("a", 60, -5) == 0
    assert storage.incr("a", 60) == 1


def test_counts_can_be_forgotten(storage: PostgresStorage) -> None:
    storage.incr("a", 60)
    storage.incr("b", 60)
    storage.clear("a")
    assert (storage.get("a"), storage.get("b")) == (0, 1)
    assert storage.reset() == 1
    assert storage.get("b") == 0


def test_windows_that_are_over_are_swept(storage: PostgresStorage) -> None:
    storage.incr("short", 1)
    storage.incr("long", 600)
    assert wait_until(storage.sweep, 5, "the short window is swept") == 1
    assert storage.reset() == 1


def test_hits_sweep_now_and_then(storage: PostgresStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limit_storage, "SWEEP_EVERY_HITS", 1)
    storage.incr("short", 1)

    def swept() -> bool:
        storage.incr("other", 600)
        with storage._engine.connect() as connection:
            keys = connection.execute(text("SELECT key FROM rate_limits")).scalars().all()
        return list(keys) == ["other"]

    assert wait_until(swept, 5, "a hit sweeps the old window away")


def test_table_skips_the_write_ahead_log(storage: PostgresStorage) -> None:
    with storage._engine.connect() as connection:
        kind = text("SELECT relpersistence FROM pg_class WHERE relname = 'rate_limits'")
        assert connection.scalar(kind) == "u"


def test_health_is_told(storage: PostgresStorage) -> None:
    assert storage.check()
    assert not PostgresStorage(f"{POSTGRES_SCHEME}:///nowhere?host=/nonexistent").check()


def _away(workers: int) -> FallbackStorage:
    address = f"fallback:{workers}:{POSTGRES_SCHEME}:///nowhere?host=/nonexistent"
    storage = storage_from_string(address)
    assert isinstance(storage, FallbackStorage)
    return storage


def test_without_the_database_all_workers_together_keep_the_limit() -> None:
    workers = [FixedWindowRateLimiter(_away(2)) for _ in range(2)]
    granted = [limiter.hit(TEN, "a") for limiter in workers for _ in range(20)]
    assert sum(granted) == 10


def test_without_the_database_hits_can_be_given_back_too() -> None:
    limiter = FixedWindowRateLimiter(_away(2))
    for _ in range(5):
        assert limiter.hit(TEN, "a")
    assert not limiter.hit(TEN, "a")
    limiter.hit(TEN, "a", cost=-1)
    limiter.hit(TEN, "a", cost=-1)
    assert limiter.get_window_stats(TEN, "a").remaining == 2


def test_database_is_left_alone_for_a_while_and_then_used_again(
    uri: str, storage: PostgresStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limit_storage, "RETRY_SECONDS", 0.2)
    guarded = storage_from_string(f"fallback:2:{uri}")
    assert isinstance(guarded, FallbackStorage)
    shared, guarded._shared = guarded._shared, _away(1)._shared
    assert guarded.incr("a", 60) == 2, "counted in memory, double"
    guarded._shared = shared
    assert wait_until(lambda: guarded.incr("a", 60) == 1, 5, "PostgreSQL counts again")


@pytest.mark.parametrize("address", ["fallback:many:memory://", "fallback:2:nonsense://"])
def test_wrong_address_is_refused_at_start(address: str) -> None:
    with pytest.raises(ConfigurationError):
        storage_from_string(address)


def test_address_follows_the_settings() -> None:
    database = "postgresql://app@/app?host=/run/pg"
    settings = load_settings({"DATABASE_URL": database, "WEB_WORKERS": "3"})
    assert limit_storage_uri(settings) == f"fallback:3:{POSTGRES_SCHEME}://app@/app?host=/run/pg"
    settings = load_settings(
        {"DATABASE_URL": database, "WEB_WORKERS": "3", "REDIS_URL": "redis://127.0.0.1:6379/0"}
    )
    assert limit_storage_uri(settings) == "fallback:3:redis://127.0.0.1:6379/0"
