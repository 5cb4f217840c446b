"""Limits are shared over Redis by all workers, go on without it, and come back to it."""

import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.http import Visitor
from tests.support.redis_server import RedisServer, redis_server
from tests.support.server import LiveServer, free_port, wait_until

pytestmark = pytest.mark.alone

ALLOWED = 10
WRONG = "wrong but long enough"


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis that may be killed."""
    with redis_server(free_port(), tmp_path) as server:
        yield server


@pytest.fixture
def site(serve: Callable[..., LiveServer], redis: RedisServer) -> LiveServer:
    """Two workers that count in Redis."""
    return serve(REDIS_URL=redis.url, WEB_WORKERS="2")


def _guess(site: LiveServer, email: str) -> int:
    body = {"email": email, "password": WRONG}
    return Visitor(site.url).post("/api/auth/login", body).status


def _answers(site: LiveServer, email: str, times: int = 24) -> list[int]:
    """Guess often, a few at a time, so that both workers get some."""
    with ThreadPoolExecutor(3) as guessers:
        return list(guessers.map(lambda _: _guess(site, email), range(times)))


def test_one_count_for_all_workers_with_redis(site: LiveServer) -> None:
    answers = _answers(site, "a@example.com")
    assert answers.count(401) == ALLOWED
    assert answers.count(429) == len(answers) - ALLOWED


def test_without_redis_the_workers_together_let_no_more_through(
    site: LiveServer, redis: RedisServer
) -> None:
    """Each counts double in its own memory: at least half of the limit, never more than all."""
    redis.kill()
    answers = _answers(site, "b@example.com")
    assert ALLOWED // 2 <= answers.count(401) <= ALLOWED
    assert set(answers) == {401, 429}


def test_redis_that_comes_back_counts_again(site: LiveServer, redis: RedisServer) -> None:
    redis.kill()
    answers = _answers(site, "c@example.com")
    assert 429 in answers
    redis.start()
    assert wait_until(
        lambda: _guess(site, "d@example.com") == 401, 20, "the fresh Redis knows of no guesses"
    )
    assert _answers(site, "d@example.com").count(401) <= ALLOWED - 1


def test_redis_that_hangs_holds_nobody_up_for_long(site: LiveServer, redis: RedisServer) -> None:
    assert _guess(site, "e@example.com") == 401
    assert redis.process is not None
    redis.process.send_signal(signal.SIGSTOP)
    try:
        began = time.monotonic()
        answers = _answers(site, "e@example.com", 16)
        took = time.monotonic() - began
    finally:
        redis.process.send_signal(signal.SIGCONT)
    assert answers.count(401) <= ALLOWED
    assert answers.count(429) >= len(answers) - ALLOWED
    assert took < 30


def test_sign_in_and_revocation_need_no_redis(site: LiveServer, redis: RedisServer) -> None:
    redis.kill()
    visitor = Visitor(site.url)
    body = {"email": "new@example.com", "password": "a-fine-long-password-7", "name": "New"}
    assert visitor.post("/api/auth/register", body).status == 202
    assert (
        visitor.post("/api/auth/login", {k: body[k] for k in ("email", "password")}).status == 200
    )
    cookie = dict(visitor.cookies)
    assert visitor.post("/api/auth/logout", {}).status == 204
    assert Visitor(site.url, cookie).get("/api/auth/me").status == 401
