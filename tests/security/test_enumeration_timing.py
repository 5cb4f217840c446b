"""Threat 7: the time an answer takes tells nobody who has an account, statistically speaking."""

import itertools
import random
import statistics
import time
from collections.abc import Callable

import pytest

from app.clock import utcnow
from app.domain.accounts.models import User
from app.web.extensions import limiter
from tests import factories
from tests.support.client import CheckedClient
from tests.support.statements import recorded

pytestmark = pytest.mark.alone

WRONG = "not-the-password-1"
FINE = "a-fine-long-password-7"
SHUFFLES = 2000
SURE = 0.002
Ask = Callable[[CheckedClient, str], None]
_numbers = itertools.count(1)


def _probability(pairs: list[tuple[float, float]]) -> float:
    """Return how likely it is to see such a difference if there is none.

    Each pair was timed back to back, so that a busy machine slows both alike; under no difference
    either of a pair may as well have been the other, which is what the shuffles try.
    """
    generator = random.Random(7)
    differences = [one - other for one, other in pairs]
    # A pause of the machine in the middle of one request says nothing about accounts.
    spread = statistics.median(abs(one) for one in differences) * 4
    differences = [max(-spread, min(spread, one)) for one in differences]
    seen = abs(sum(differences))
    as_large = sum(
        abs(sum(one * generator.choice((-1, 1)) for one in differences)) >= seen
        for _ in range(SHUFFLES)
    )
    return as_large / SHUFFLES


def _login(client: CheckedClient, email: str) -> None:
    body = {"email": email, "password": WRONG}
    assert client.post("/api/auth/login", json=body).status_code == 401


def _register(client: CheckedClient, email: str) -> None:
    body = {"email": email, "password": FINE, "name": "Somebody"}
    assert client.post("/api/auth/register", json=body).status_code == 202


def _reset(client: CheckedClient, email: str) -> None:
    assert client.post("/api/auth/reset", json={"email": email}).status_code == 202


def _seconds(ask: Ask, client: CheckedClient, email: str) -> float:
    limiter.reset()
    began = time.perf_counter()
    ask(client, email)
    return time.perf_counter() - began


@pytest.fixture
def known() -> User:
    """Somebody with a password."""
    return factories.make_user(
        password=factories.PASSWORD, email="somebody@example.com", email_verified_at=utcnow()
    )


@pytest.mark.parametrize(
    ("ask", "rounds"),
    [(_login, 14), (_register, 14), (_reset, 40)],
    ids=["login", "register", "reset"],
)
def test_known_and_unknown_addresses_take_as_long(
    client: CheckedClient, known: User, ask: Ask, rounds: int
) -> None:
    pairs = [_pair(ask, client, known.email, is_first=n % 2 == 0) for n in range(rounds + 2)]
    assert _probability(pairs[2:]) > SURE, statistics.median(one / two for one, two in pairs)


def _pair(ask: Ask, client: CheckedClient, known: str, *, is_first: bool) -> tuple[float, float]:
    """Time a known and an unknown address, in either order: who comes first must not matter."""
    unknown = f"nobody{next(_numbers):04d}@example.com"
    if is_first:
        return _seconds(ask, client, known), _seconds(ask, client, unknown)
    second = _seconds(ask, client, unknown)
    return _seconds(ask, client, known), second


@pytest.mark.parametrize("ask", [_register, _reset], ids=["register", "reset"])
def test_known_and_unknown_addresses_take_the_same_statements(
    client: CheckedClient, known: User, ask: Ask
) -> None:
    """What is different happens in the worker, where nobody can time it."""
    sent = []
    for email in (known.email, "nobody-at-all@example.com"):
        with recorded() as seen:
            ask(client, email)
        sent.append([statement for statement, _ in seen.sent])
    assert len(sent[0]) > 3
    assert sent[0] == sent[1]


def test_a_tenth_of_a_difference_would_be_found() -> None:
    """The judge itself: it hears 10 % in the noise that these requests have."""
    generator = random.Random(11)

    def noisy(seconds: float) -> float:
        return seconds * generator.gauss(1.0, 0.08)

    alike = [(noisy(0.1), noisy(0.1)) for _ in range(40)]
    apart = [(noisy(0.11), noisy(0.1)) for _ in range(40)]
    assert _probability(alike) > SURE
    assert _probability(apart) <= SURE
