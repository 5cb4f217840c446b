"""The cache itself: room, turns, what changes count, and a Redis that is shared, forged or away."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import create_engine, text
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app import cache as caching
from app.cache import TEXT, Cache, Near, content_changed, content_version, read_version
from app.clock import shifted, utcnow
from app.config import Environment, Settings
from app.database import db
from app.integrations.cache_store import NoStore, RedisStore, build_store
from tests.support.known_secrets import SECRETS
from tests.support.redis_server import RedisServer, redis_server
from tests.support.server import free_port, wait_until

no_database = pytest.mark.no_database


def settings_of(**changes: object) -> Settings:
    values = {"app_env": Environment.DEMO, "secret_key": SECRETS["SECRET_KEY"]}
    return Settings.model_construct(**{**values, **changes})  # type: ignore[arg-type]


class Maker:
    """Makes a word anew each time, and counts."""

    def __init__(self, version: int = 1) -> None:
        self.version = version
        self.times = 0

    def __call__(self) -> tuple[int, str]:
        self.times += 1
        return self.version, f"made {self.times}"


@no_database
def test_the_least_used_goes_when_there_is_no_more_room() -> None:
    near = Near(max_bytes=40)
    for name in "abcd":
        near.put(name, name, 10, 30)
    assert near.get("a") == "a"
    near.put("e", "e", 10, 30)
    assert [name for name in "abcde" if near.get(name)] == ["a", "c", "d", "e"]
    assert near.used_bytes == 40
    near.put("e", "E", 5, 30)
    assert (near.get("e"), near.used_bytes) == ("E", 35)
    near.put("huge", "huge", 11, 30)
    assert near.get("huge") is None


@no_database
def test_nothing_is_kept_longer_than_it_may() -> None:
    near = Near()
    near.put("a", "a", 1, 30)
    with shifted(timedelta(seconds=29)):
        assert near.get("a") == "a"
    with shifted(timedelta(seconds=30)):
        assert near.get("a") is None


@no_database
def test_another_version_key_kind_or_release_is_another_value() -> None:
    cache = Cache(settings_of(), NoStore())
    make = Maker()
    for kind, key, version in [("a", "k", 1), ("a", "k", 1), ("b", "k", 1), ("a", "l", 1)]:
        cache.get(kind, key, version, make, TEXT)
    assert make.times == 3
    make.version = 2
    assert cache.get("a", "k", 2, make, TEXT) == "made 4"
    assert cache.get("a", "k", 2, make, TEXT) == "made 4"


@no_database
def test_a_value_is_kept_under_the_version_it_was_made_of() -> None:
    """A replica may be behind: what it told must not pass for what the primary has."""
    cache = Cache(settings_of(), NoStore())
    behind = Maker(version=1)
    assert cache.get("a", "k", 2, behind, TEXT) == "made 1"
    assert cache.get("a", "k", 2, behind, TEXT) == "made 2", "made again until it has caught up"
    assert cache.get("a", "k", 1, behind, TEXT) == "made 2"


@no_database
def test_of_many_who_come_at_once_one_makes_it() -> None:
    cache = Cache(settings_of(), NoStore())
    begun, may_end = threading.Event(), threading.Event()
    times: list[int] = []

    def make() -> tuple[int, str]:
        times.append(1)
        begun.set()
        assert may_end.wait(30)
        return 1, "made"

    with ThreadPoolExecutor(8) as pool:
        found = [pool.submit(cache.get, "a", "k", 1, make, TEXT) for _ in range(8)]
        assert begun.wait(30)
        may_end.set()
        assert {one.result(30) for one in found} == {"made"}
    assert len(times) == 1
    assert not cache._turns._turns


@no_database
def test_whoever_fails_lets_the_next_one_try() -> None:
    cache = Cache(settings_of(), NoStore())

    def fail() -> tuple[int, str]:
        raise LookupError

    with pytest.raises(LookupError):
        cache.get("a", "k", 1, fail, TEXT)
    assert cache.get("a", "k", 1, Maker(), TEXT) == "made 1"


@no_database
def test_whoever_fails_gives_up_the_claim_on_what_is_shared(redis: RedisServer) -> None:
    cache = Cache(settings_of(), RedisStore(redis.url))

    def fail() -> tuple[int, str]:
        raise LookupError

    with pytest.raises(LookupError):
        cache.get("a", "never", 1, fail, TEXT)
    assert cache._store.claim(f"{cache._name('a', 'never', 1)}:claim", 30)


@no_database
def test_in_development_nothing_is_kept() -> None:
    cache = Cache(settings_of(app_env=Environment.DEVELOPMENT), NoStore())
    make = Maker()
    assert [cache.get("a", "k", 1, make, TEXT) for _ in range(2)] == ["made 1", "made 2"]


@no_database
@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("", NoStore),
        ("redis://localhost/0", RedisStore),
        ("rediss://localhost", RedisStore),
        ("redis+cluster://a:1,b:2", RedisStore),
        ("redis+sentinel://localhost/x", NoStore),
    ],
)
def test_redis_is_used_where_it_is_named(url: str, kind: type) -> None:
    assert isinstance(build_store(settings_of(redis_url=url)), kind)


def test_a_change_is_counted_with_its_transaction(committed_app: Flask) -> None:
    before = read_version()
    content_changed()
    db.session.rollback()
    assert read_version() == before
    content_changed()
    content_changed()
    db.session.commit()
    assert read_version() == before + 2


def test_two_who_change_content_at_once_do_not_wait_and_are_both_counted(
    committed_app: Flask, committed_database: str
) -> None:
    before = read_version()
    db.session.rollback()
    engine = create_engine(committed_database)
    try:
        with engine.begin() as first, engine.connect() as second:
            first.execute(caching._CHANGED)
            with second.begin():
                second.execute(text("SET LOCAL lock_timeout = '3s'"))
                second.execute(caching._CHANGED)
            assert read_version() == before + 1, "the first is not committed yet"
            db.session.rollback()
        assert read_version() == before + 2
    finally:
        engine.dispose()


def test_who_committed_a_change_knows_and_others_do_within_a_second(committed_app: Flask) -> None:
    caching.forget_version()
    before = content_version()
    content_changed()
    db.session.commit()
    assert content_version() == before + 1
    db.session.execute(caching._CHANGED)  # as another process would
    db.session.commit()
    assert content_version(at_once=True) == before + 2
    db.session.execute(caching._CHANGED)
    db.session.commit()
    with shifted(timedelta(seconds=1)):
        assert content_version() == before + 3
    caching.forget_version()


def test_a_version_is_asked_for_once_a_second(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    caching.forget_version()
    now = utcnow()
    asked: list[int] = []

    def read() -> int:
        asked.append(1)
        return 7

    monkeypatch.setattr(caching, "utcnow", lambda: now)
    assert [content_version(read) for _ in range(3)] == [7, 7, 7]
    assert len(asked) == 1
    caching.forget_version()


def test_while_the_database_is_away_the_version_known_last_counts(app: Flask) -> None:
    caching.forget_version()

    def fail() -> int:
        raise PoolTimeout

    with pytest.raises(PoolTimeout):
        content_version(fail)
    known = content_version()
    assert content_version(fail, at_once=True) == known
    caching.forget_version()


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(free_port(), tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine may answer late, and that is not what is tested."""
    monkeypatch.setattr("app.integrations.cache_store.WAIT_SECONDS", 20)


@no_database
@pytest.mark.usefixtures("patient")
def test_processes_give_each_other_what_they_made(redis: RedisServer) -> None:
    make, other = Maker(), Maker()
    first, second = (Cache(settings_of(), RedisStore(redis.url)) for _ in range(2))
    assert first.get("shared", "k", 1, make, TEXT) == "made 1"
    assert second.get("shared", "k", 1, other, TEXT) == "made 1"
    assert other.times == 0
    foreign = Cache(settings_of(public_base_url="https://else"), RedisStore(redis.url))
    assert foreign.get("shared", "k", 1, other, TEXT) == "made 1"
    assert other.times == 1


@no_database
@pytest.mark.usefixtures("patient")
def test_of_two_processes_one_makes_it_while_the_other_waits(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caching, "WAIT_FOR_OTHERS_SECONDS", 60)
    monkeypatch.setattr(caching, "CLAIM_SECONDS", 120)
    first, second = (Cache(settings_of(), RedisStore(redis.url)) for _ in range(2))
    begun, may_end = threading.Event(), threading.Event()
    other = Maker()

    def slowly() -> tuple[int, str]:
        begun.set()
        assert may_end.wait(30)
        return 1, "slow"

    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(first.get, "turn", "k", 1, slowly, TEXT)
        assert begun.wait(30)
        two = pool.submit(second.get, "turn", "k", 1, other, TEXT)
        may_end.set()
        assert (one.result(60), two.result(60)) == ("slow", "slow")
    assert other.times == 0


@no_database
@pytest.mark.usefixtures("patient")
def test_what_somebody_else_wrote_to_redis_is_not_taken(redis: RedisServer) -> None:
    cache = Cache(settings_of(), RedisStore(redis.url))
    cache.get("forged", "k", 1, Maker(), TEXT)
    store = RedisStore(redis.url)
    name = cache._name("forged", "k", 1)
    good = store.get(name)
    assert good is not None
    bad = good[:-1] + b"!"
    for forged in (bad, b"", b"<script>", good[:8]):
        store.put(name, forged, 30)
        cache.near.clear()
        make = Maker()
        assert cache.get("forged", "k", 1, make, TEXT) == "made 1"
        assert make.times == 1
        store.put(name, good, 30)
    moved = cache._name("forged", "other", 1)
    store.put(moved, good, 30)
    other = Maker()
    cache.get("forged", "other", 1, other, TEXT)
    assert other.times == 1, "what was kept under one name is good under no other"


@no_database
def test_while_redis_is_away_it_is_as_if_it_were_empty(tmp_path: Path) -> None:
    with redis_server(free_port(), tmp_path) as server:
        store = RedisStore(server.url)
        wait_until(lambda: store.claim("up", 1) and store.is_shared, 60, "it is there")
        server.kill()
        make = Maker()
        cache = Cache(settings_of(), store)
        assert cache.get("away", "k", 1, make, TEXT) == "made 1"
        assert cache.get("away", "k", 1, make, TEXT) == "made 1"
        assert not store.is_shared, "it is left alone for some seconds"
        server.start()
        assert wait_until(lambda: _is_back(store), 60, "it is used again")


def _is_back(store: RedisStore) -> bool:
    store.put("back", b"1", 30)
    return store.get("back") == b"1"


@no_database
def test_a_redis_that_hangs_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    class Hanging:
        def get(self, _: str) -> bytes:
            asked.append(1)
            raise TimeoutError

    store = RedisStore("redis://127.0.0.1:1/0")
    monkeypatch.setitem(store.__dict__, "_client", Hanging())
    assert [store.get("a") for _ in range(5)] == [None] * 5
    assert len(asked) == 1
    clock = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: clock() + 6)
    assert store.get("a") is None
    assert len(asked) == 2
