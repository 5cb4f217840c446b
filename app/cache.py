"""The application's cache: parts of pages and answers that are the same for many people.

Each process keeps what it made within a budget of bytes; where there is Redis, processes and hosts
give it to each other. Everything is kept under the version of the content that it shows, which is
counted in PostgreSQL by the transaction that changes the content: whoever sees the change sees the
next version, too, and finds nothing old under it.
"""

import hashlib
import hmac
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from sqlalchemy import BigInteger, event, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.clock import utcnow
from app.config import Environment, Settings
from app.database import Prepared, db
from app.integrations.cache_store import CacheStore
from app.metrics import cache_lookups
from app.observability import note_cache

T = TypeVar("T")

EXTENSION = "cache"
# How long anything is kept that no change of the content throws away, such as counts of learners.
KEPT_SECONDS = 30
# How old a version may be that a process goes by, for learners who are signed in.
KNOWN_FOR = timedelta(seconds=1)
MAX_BYTES = 16 * 1024 * 1024
CLAIM_SECONDS = 3
WAIT_FOR_OTHERS_SECONDS = 0.5
LOOK_EVERY_SECONDS = 0.02
SEAL_BYTES = 16

_VERSION = Prepared(
    text("SELECT coalesce(sum(version), 0)::bigint AS version FROM content_versions").columns(
        version=BigInteger
    )
)
# The version is the sum of all rows. Whoever changes content takes a row that nobody holds, or
# adds one: two who do so at once neither wait for each other nor deadlock, and both are counted.
_CHANGED = text("""
    WITH free AS (SELECT id FROM content_versions LIMIT 1 FOR UPDATE SKIP LOCKED),
    counted AS (
        UPDATE content_versions SET version = version + 1 FROM free
        WHERE content_versions.id = free.id RETURNING 1)
    INSERT INTO content_versions (version) SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM counted)
""")


@dataclass(frozen=True, slots=True)
class _Known:
    """The version as one database had it at one moment."""

    engine: Any
    read_at: datetime
    version: int
    is_guess: bool = False


_known: _Known | None = None


def content_changed() -> None:
    """Have everything kept be of before, once the current transaction is committed."""
    db.session.execute(_CHANGED)
    event.listen(db.session(), "after_commit", lambda _: forget_version(), once=True)


def read_version() -> int:
    """Return the version of the content that the session sees."""
    return int(_VERSION.first({}).version)


def content_version(read: Callable[[], int] = read_version, *, at_once: bool = False) -> int:
    """Return the version to look under: as `read` finds it, or a second old unless `at_once`.

    While the database cannot be asked it is the one known last, if there is one, and nobody asks
    again for a second.
    """
    global _known
    known, now, engine = _known, utcnow(), db.engine
    ours = known if known is not None and known.engine is engine else None
    if ours and timedelta(0) <= now - ours.read_at < KNOWN_FOR and (ours.is_guess or not at_once):
        return ours.version
    try:
        version, is_guess = read(), False
    except (OperationalError, PoolTimeout):
        if ours is None:
            raise
        db.session.rollback()
        version, is_guess = ours.version, True
    _known = _Known(engine, now, version, is_guess)
    return version


def forget_version() -> None:
    """Ask the database again next time."""
    global _known
    _known = None


@dataclass(frozen=True, slots=True)
class Codec(Generic[T]):
    """How a value becomes bytes that others may read, and a value again."""

    dump: Callable[[T], bytes]
    load: Callable[[bytes], T]


TEXT: Codec[str] = Codec(str.encode, bytes.decode)
BYTES: Codec[bytes] = Codec(bytes, bytes)


@dataclass(slots=True)
class _Entry:
    value: Any
    size: int
    expires_at: datetime


class Near:
    """What one process keeps: the least used goes first when there is no more room."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._room = max_bytes
        self._used = 0
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, name: str) -> Any | None:
        """Return what is kept under `name`, unless it is too old."""
        with self._lock:
            entry = self._entries.get(name)
            if entry is None or entry.expires_at <= utcnow():
                return None
            self._entries.move_to_end(name)
            return entry.value

    def put(self, name: str, value: Any, size: int, seconds: int) -> None:
        """Keep `value`, which takes `size` bytes; what takes a quarter of all room is not kept."""
        if size > self._room // 4:
            return
        with self._lock:
            before = self._entries.pop(name, None)
            self._used += size - (before.size if before else 0)
            self._entries[name] = _Entry(value, size, utcnow() + timedelta(seconds=seconds))
            while self._used > self._room:
                self._used -= self._entries.popitem(last=False)[1].size

    @property
    def used_bytes(self) -> int:
        """Return how much is kept."""
        return self._used

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()
            self._used = 0


class _Turns:
    """Lets one thread at a time make what is kept under a name."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._turns: dict[str, tuple[threading.Lock, int]] = {}

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        """Wait for whoever makes `name` now; after some seconds do not wait any longer."""
        with self._lock:
            turn, waiting = self._turns.get(name, (threading.Lock(), 0))
            self._turns[name] = turn, waiting + 1
        is_mine = turn.acquire(timeout=CLAIM_SECONDS)
        try:
            yield
        finally:
            if is_mine:
                turn.release()
            with self._lock:
                turn, waiting = self._turns.pop(name)
                if waiting > 1:
                    self._turns[name] = turn, waiting - 1


class Cache:
    """Looks near, then where others look, too, and makes what neither has."""

    def __init__(self, settings: Settings, store: CacheStore) -> None:
        # In development templates change under a running process.
        self.is_on = settings.app_env is not Environment.DEVELOPMENT
        self._store = store
        self._secret = hashlib.blake2b(settings.secret_key.encode(), person=b"cache").digest()
        self._place = f"triple:{_short(settings.public_base_url, settings.release)}"
        self._turns = _Turns()
        self.near = Near()

    def get(
        self,
        kind: str,
        key: str,
        version: int,
        make: Callable[[], tuple[int, T]],
        codec: Codec[T],
        seconds: int = KEPT_SECONDS,
    ) -> T:
        """Return what is kept of this kind under `key`, made anew where there is none.

        `make` returns the value with the version of the content that it was made from. It must
        hold nothing personal.
        """
        if not self.is_on:
            return make()[1]
        name = self._name(kind, key, version)
        found = self.near.get(name)
        _count(kind, is_hit=found is not None)
        if found is not None:
            return found  # type: ignore[no-any-return]
        with self._turns.of(name):
            found = self.near.get(name)  # perhaps made while this thread waited
            if found is None:
                found = self._shared_or_made(kind, key, version, make, codec, seconds)
            return found

    def _shared_or_made(
        self,
        kind: str,
        key: str,
        version: int,
        make: Callable[[], tuple[int, T]],
        codec: Codec[T],
        seconds: int,
    ) -> T:
        name = self._name(kind, key, version)
        kept = self._read(name) or self._wait_for_others(name)
        if kept is not None:
            value = codec.load(kept)
            self.near.put(name, value, len(kept), seconds)
            return value
        try:
            made_of, value = make()
            dumped = codec.dump(value)
            made = self._name(kind, key, made_of)
            self.near.put(made, value, len(dumped), seconds)
            self._store.put(made, self._seal(made, dumped) + dumped, seconds)
        finally:
            self._store.release(_claim(name))
        return value

    def _wait_for_others(self, name: str) -> bytes | None:
        """Return what another process makes just now; None when this one is to make it."""
        if self._store.claim(_claim(name), CLAIM_SECONDS):
            return None
        until = time.monotonic() + WAIT_FOR_OTHERS_SECONDS
        while time.monotonic() < until and self._store.is_shared:
            time.sleep(LOOK_EVERY_SECONDS)
            if (kept := self._read(name)) is not None:
                return kept
        return None

    def _read(self, name: str) -> bytes | None:
        """Return what the store has under `name`, if one of us put it there."""
        sealed = self._store.get(name)
        if sealed is None:
            return None
        seal, value = sealed[:SEAL_BYTES], sealed[SEAL_BYTES:]
        return value if hmac.compare_digest(seal, self._seal(name, value)) else None

    def _seal(self, name: str, value: bytes) -> bytes:
        """Return what only this installation can make of these bytes under this name."""
        seal = hashlib.blake2b(name.encode(), key=self._secret, digest_size=SEAL_BYTES)
        seal.update(b"\0" + value)
        return seal.digest()

    def _name(self, kind: str, key: str, version: int) -> str:
        return f"{self._place}:{kind}:{version}:{_short(key)}"


def _claim(name: str) -> str:
    return f"{name}:claim"


def _short(*parts: str) -> str:
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=16).hexdigest()


def _count(kind: str, *, is_hit: bool) -> None:
    note_cache(is_hit)
    cache_lookups.labels(kind, "hit" if is_hit else "miss").inc()
