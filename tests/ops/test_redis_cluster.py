"""Limits counted in a Redis Cluster: exact for all workers, through a failover and without it."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from limits import RateLimitItemPerMinute
from limits.storage import storage_from_string
from limits.strategies import FixedWindowRateLimiter

from app.integrations.limit_storage import FallbackStorage
from tests.support.http import Visitor
from tests.support.redis_cluster import PRIMARIES, RedisCluster, redis_cluster
from tests.support.server import LiveServer, wait_until

ALLOWED = 10
TEN = RateLimitItemPerMinute(ALLOWED)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisCluster]:
    with redis_cluster(tmp_path_factory.mktemp("redis-cluster")) as running:
        yield running


def _limiter(cluster: RedisCluster) -> FixedWindowRateLimiter:
    """Return limits as one of two workers counts them."""
    storage = storage_from_string(f"fallback:2:{cluster.url}")
    assert isinstance(storage, FallbackStorage)
    return FixedWindowRateLimiter(storage)


def test_one_count_for_all_workers(serve: Callable[..., LiveServer], cluster: RedisCluster) -> None:
    site = serve(REDIS_URL=cluster.url, WEB_WORKERS="2")
    assert Visitor(site.url).get("/api/health/ready").json["checks"]["redis"] == "ok"

    def guess(_: int) -> int:
        body = {"email": "a@example.com", "password": "wrong but long enough"}
        return Visitor(site.url).post("/api/auth/login", body).status

    with ThreadPoolExecutor(3) as guessers:
        answers = list(guessers.map(guess, range(24)))
    assert answers.count(401) == ALLOWED
    assert answers.count(429) == len(answers) - ALLOWED


def test_a_failover_loses_counts_at_most_for_a_moment(cluster: RedisCluster) -> None:
    """While a third of the keys has no primary this process counts; then the replica does."""
    limiter = _limiter(cluster)
    keys = [f"failover-{number}" for number in range(12)]
    for key in keys:
        assert limiter.hit(TEN, key)
    victim = cluster.primaries()[0]
    began = time.monotonic()
    cluster.kill(victim)
    try:
        granted = [limiter.hit(TEN, key) for key in keys]
        assert time.monotonic() - began < 10
        assert all(granted)
        wait_until(
            lambda: len(cluster.primaries()) == PRIMARIES and cluster.is_whole(),
            30,
            "a replica has taken over",
        )
        wait_until(lambda: _counts_there(cluster), 20, "everything is counted in the cluster")
    finally:
        cluster.start(victim)


def _counts_there(cluster: RedisCluster) -> bool:
    """Whether fresh keys in all three parts are seen by another process's limiter."""
    one, other = _limiter(cluster), _limiter(cluster)
    keys = [f"there-{time.monotonic_ns()}-{number}" for number in range(12)]
    for key in keys:
        one.hit(TEN, key)
    return all(other.get_window_stats(TEN, key).remaining == ALLOWED - 1 for key in keys)


def test_without_the_cluster_nothing_is_unlimited(cluster: RedisCluster) -> None:
    """Not even where it was away before the workers began. The last test: it ends the cluster."""
    limiter = _limiter(cluster)
    assert limiter.hit(TEN, "a")
    for port in cluster.nodes:
        cluster.kill(port)
    began = time.monotonic()
    assert sum(limiter.hit(TEN, "b") for _ in range(30)) == ALLOWED // 2
    late = _limiter(cluster)
    assert sum(late.hit(TEN, "b") for _ in range(30)) == ALLOWED // 2
    assert time.monotonic() - began < 20
    assert not late.storage.check()
