"""Passwords: how they are hashed, compared and judged. What a sign-in then means is not here.

Argon2 costs 64 MiB and a tenth of a second, so it runs on a few threads of its own, at a lower
priority than requests, and a crowd waiting for it is turned away rather than queued up.
"""

import gzip
import os
import random
import sys
import threading
import unicodedata
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from app.current import settings
from app.errors import InvalidInput, TooManyRequests

T = TypeVar("T")

MIN_LENGTH = 12
MAX_LENGTH = 128
NICENESS = 8
QUEUE_PER_SLOT = 3
# Well below the 10 s after which PostgreSQL ends a transaction that does nothing meanwhile.
WAIT_SECONDS = 5.0
RETRY_AFTER_SECONDS = (2, 6)  # drawn for each, else a crowd turned away comes back as one
COMMON_PASSWORDS = Path(__file__).parent / "common_passwords.txt.gz"

# OWASP ASVS 5.0 asks for at least t=2, m=19 MiB; this is RFC 9106's second recommendation with
# one lane, because the slots below already use every core.
_hasher = PasswordHasher(time_cost=3, memory_cost=64 * 1024, parallelism=1)

# What an unknown account's password is compared with, so that it takes as long as a known one's.
DUMMY_HASH = (
    "$argon2id$v=19$m=65536,t=3,p=1$ulYVws6+n04nH1JXtgEfHw$"
    "e7sQJg//YAWUxmM6eyjznKBEOI0jLf8CCwGhq52gdjs"
)


def hash_password(password: str) -> str:
    """Return the argon2id hash of `password` in PHC form. Raises TooManyRequests in a rush."""
    return _in_a_slot(lambda: _hasher.hash(_encode(password)))


def verify_password(password_hash: str | None, password: str) -> bool:
    """Whether `password` is the hashed one; without a hash a dummy is compared and lost.

    Raises TooManyRequests when too many others are waiting already.
    """
    known = password_hash if password_hash is not None else DUMMY_HASH
    matches = _in_a_slot(lambda: _matches(known, password))
    return matches and password_hash is not None


def require_room() -> None:
    """Raise TooManyRequests if a hash would be refused now anyway: before work is done for it."""
    _slots(os.getpid()).require_room()


def needs_rehash(password_hash: str) -> bool:
    """Whether the hash was made with other parameters than today's."""
    return _hasher.check_needs_rehash(password_hash)


def check_password(password: str, email: str) -> None:
    """Refuse a password that is short, endless, holds the e-mail address or is widely known.

    Raises InvalidInput naming the field `password`.
    """
    folded = _fold(password)
    address = _fold(email.strip())
    if len(password) < MIN_LENGTH:
        raise InvalidInput({"password": f"Use at least {MIN_LENGTH} characters."})
    if len(password) > MAX_LENGTH:
        raise InvalidInput({"password": f"Use at most {MAX_LENGTH} characters."})
    if address and address in folded:
        raise InvalidInput({"password": "Leave your e-mail address out of the password."})
    if folded in _common_passwords() or len(set(folded)) < 4:
        raise InvalidInput(
            {"password": "This password is easy to guess. Choose one that only you would."}
        )


def _encode(password: str) -> bytes:
    """One spelling per password, whichever way a keyboard composes its accents (NFKC)."""
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")


def _fold(value: str) -> str:
    return unicodedata.normalize("NFKC", value).casefold()


def _matches(password_hash: str, password: str) -> bool:
    try:
        return _hasher.verify(password_hash, _encode(password))
    except (VerificationError, InvalidHashError):
        return False


@cache
def _common_passwords() -> frozenset[str]:
    with gzip.open(COMMON_PASSWORDS, "rt", encoding="utf-8") as lines:
        return frozenset(line.rstrip("\n") for line in lines)


class _Slots:
    """As many hashing threads as this process may use, and a bounded crowd in front of them."""

    def __init__(self, count: int, name: str) -> None:
        self._places = threading.BoundedSemaphore(count * (1 + QUEUE_PER_SLOT))
        self._threads = ThreadPoolExecutor(count, name, initializer=_step_back)

    def require_room(self) -> None:
        if not self._places.acquire(blocking=False):
            raise _full()
        self._places.release()

    def run(self, work: Callable[[], T]) -> T:
        if not self._places.acquire(blocking=False):
            raise _full()
        future: Future[T] = self._threads.submit(work)
        future.add_done_callback(lambda _: self._places.release())
        try:
            return future.result(timeout=WAIT_SECONDS)
        except TimeoutError:
            future.cancel()
            raise _full() from None


def _full() -> TooManyRequests:
    return TooManyRequests(random.randint(*RETRY_AFTER_SECONDS))  # noqa: S311 - no secret


def _step_back() -> None:
    if sys.platform == "linux":  # where priority belongs to a thread, not to its process
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)


@cache
def _slots(process_id: int) -> _Slots:
    """All workers together hash on as many threads as there are cores (a fork gets its own)."""
    cores = os.cpu_count() or 1
    return _Slots(max(1, cores // settings.web_workers), f"argon2-{process_id}")


def _in_a_slot(work: Callable[[], T]) -> T:
    return _slots(os.getpid()).run(work)
