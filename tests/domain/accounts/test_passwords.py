"""Passwords: the policy, the hash, and the crowd in front of it."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from argon2 import PasswordHasher, Type, extract_parameters
from flask import Flask

from app.domain.accounts import passwords
from app.domain.accounts.passwords import (
    DUMMY_HASH,
    check_password,
    hash_password,
    needs_rehash,
    verify_password,
)
from app.errors import InvalidInput, TooManyRequests
from tests.support.server import wait_until

pytestmark = pytest.mark.usefixtures("full_cost_passwords")
GOOD = "seven blue looms"


def test_password_matches_its_own_hash_only() -> None:
    hashed = hash_password(GOOD)
    assert verify_password(hashed, GOOD)
    assert not verify_password(hashed, GOOD + " ")
    assert not verify_password(hashed, GOOD.upper())


def test_hash_is_argon2id_with_three_passes_over_64_mebibytes() -> None:
    found = extract_parameters(hash_password(GOOD))
    assert found.type is Type.ID
    assert (found.time_cost, found.memory_cost, found.parallelism) == (3, 65536, 1)


def test_unknown_account_costs_what_a_known_one_costs() -> None:
    assert extract_parameters(DUMMY_HASH) == extract_parameters(hash_password(GOOD))
    assert not verify_password(None, GOOD)


def test_same_password_hashes_differently_each_time() -> None:
    assert hash_password(GOOD) != hash_password(GOOD)


def test_accents_match_however_the_keyboard_composes_them() -> None:
    hashed = hash_password("cafe\u0301 in the morning")
    assert verify_password(hashed, "caf\u00e9 in the morning")


@pytest.mark.parametrize(
    "odd", ["\ud800 broken surrogate", "null \0 in the middle", "ሰላም ለዓለም ይሁን"]
)
def test_any_text_is_a_possible_password(odd: str) -> None:
    assert verify_password(hash_password(odd), odd)


def test_stored_nonsense_matches_nothing() -> None:
    assert not verify_password("not a hash", GOOD)


def test_weaker_hash_is_due_for_renewal() -> None:
    weak = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1).hash(GOOD)
    assert needs_rehash(weak)
    assert not needs_rehash(hash_password(GOOD))


@pytest.mark.parametrize(
    "bad",
    [
        "elevenchars",
        "x" * 129,
        "lea@example.com",
        "my LEA@Example.com 99",
        "aaaaaaaaaaaaaaaa",
        "qwertyuiop123",
        "QwertyUiop123",
        "1q2w3e4r5t6y",
    ],
)
def test_bad_password_is_refused_by_name(bad: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_password(bad, "lea@example.com")
    assert set(caught.value.fields) == {"password"}


@pytest.mark.parametrize(
    "good", [GOOD, "x" * 100 + "yz1" * 9, "ሰላም ለዓለም ይሁን", "correct-horse-demo"]
)
def test_any_long_uncommon_password_is_accepted(good: str) -> None:
    check_password(good, "lea@example.com")


def test_list_of_common_passwords_ships_with_the_package() -> None:
    common = passwords._common_passwords()
    assert len(common) > 15_000
    assert {"password123", "iloveyou", "1234567890"} <= common


def test_crowd_is_turned_away_while_the_slots_are_busy(app: Flask) -> None:
    """Whoever waits holds a request thread; the crowd is bounded so that others have some left."""
    slots = passwords._Slots(1, "test")
    busy, finish = threading.Event(), threading.Event()

    def work() -> bool:
        busy.set()
        return finish.wait(10)

    with ThreadPoolExecutor(8) as crowd:
        admitted = [crowd.submit(slots.run, work) for _ in range(1 + passwords.QUEUE_PER_SLOT)]
        assert busy.wait(10)
        wait_until(lambda: slots._places._value == 0, 10, "every place is taken")
        with pytest.raises(TooManyRequests) as caught:
            slots.run(lambda: True)
        finish.set()
        assert all(one.result(10) for one in admitted)
    assert caught.value.retry_after_seconds > 0
    assert slots.run(lambda: "free again") == "free again"


def test_whoever_waits_too_long_is_turned_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "WAIT_SECONDS", 0.05)
    slots = passwords._Slots(1, "test")
    finish = threading.Event()
    with pytest.raises(TooManyRequests):
        slots.run(lambda: finish.wait(10))
    finish.set()


def test_hashing_threads_step_back_for_requests() -> None:
    nice = passwords._Slots(1, "test").run(
        lambda: os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    )
    assert nice >= passwords.NICENESS
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) < nice
