"""Threat 7: nobody learns from an answer who has an account, and guessing ends soon."""

import statistics
import time

import pytest

from app.database import db
from app.domain.accounts.models import User, UserStatus
from tests import factories
from tests.support.client import CheckedClient

UNKNOWN = "nobody-here@example.com"
WRONG = "not-the-password-1"


@pytest.fixture
def known() -> User:
    """Somebody with a password."""
    return factories.make_user(password=factories.PASSWORD, email="somebody-here@example.com")


def _login(client: CheckedClient, email: str, password: str = WRONG):
    return client.post("/api/auth/login", json={"email": email, "password": password})


def _without_ids(text: str) -> str:
    return text.split('"request_id"', maxsplit=1)[0]


def test_a_wrong_password_and_an_unknown_account_read_the_same(
    client: CheckedClient, known: User
) -> None:
    one, other = _login(client, known.email), _login(client, UNKNOWN)
    assert one.status_code == other.status_code == 401
    assert one.get_json()["code"] == "INVALID_CREDENTIALS"
    assert _without_ids(one.text) == _without_ids(other.text)
    assert len(one.data) == len(other.data)


def test_a_suspended_account_reads_like_an_unknown_one(client: CheckedClient, known: User) -> None:
    known.status = UserStatus.SUSPENDED
    db.session.commit()
    one, other = _login(client, known.email, factories.PASSWORD), _login(client, UNKNOWN)
    assert (one.status_code, _without_ids(one.text)) == (401, _without_ids(other.text))


def test_the_pages_read_the_same_too(client: CheckedClient, known: User) -> None:
    pages = [
        client.post_form("/auth/sign-in", {"email": email, "password": WRONG})
        for email in (known.email, "nobody-there@example.com")
    ]
    assert [page.status_code for page in pages] == [422, 422]
    one, other = (page.text for page in pages)
    assert len(one) - len(known.email) == len(other) - len("nobody-there@example.com")


def test_registering_a_known_address_is_answered_like_a_new_one(
    client: CheckedClient, known: User
) -> None:
    body = {"password": "a-fine-long-password-7", "name": "New"}
    one = client.post("/api/auth/register", json={**body, "email": known.email})
    other = client.post("/api/auth/register", json={**body, "email": UNKNOWN})
    assert one.status_code == other.status_code == 202
    assert one.data == other.data
    assert db.session.query(User).filter_by(email=known.email).one().name == known.name
    assert db.session.query(User).filter_by(email=UNKNOWN).count() == 1
    assert _login(client, known.email, factories.PASSWORD).status_code == 200


def _seconds(client: CheckedClient, email: str) -> float:
    began = time.perf_counter()
    assert _login(client, email).status_code == 401
    return time.perf_counter() - began


@pytest.mark.usefixtures("full_cost_passwords")
def test_an_unknown_account_takes_as_long(client: CheckedClient, known: User) -> None:
    """The dummy hash costs what a real one costs; without it the ratio is above ten."""
    _seconds(client, UNKNOWN)
    pairs = [(_seconds(client, known.email), _seconds(client, UNKNOWN)) for _ in range(3)]
    ratio = statistics.median(one / other for one, other in pairs)
    assert 0.4 < ratio < 2.5


@pytest.mark.parametrize("door", ["program", "page"])
def test_guessing_one_account_ends_after_ten_tries(
    client: CheckedClient, known: User, door: str
) -> None:
    """Both doors share one count, and the right password does not open it any more."""
    for number in range(10):
        network = {"REMOTE_ADDR": f"203.0.{number}.7"}
        if door == "program":
            body = {"email": known.email, "password": WRONG}
            status = client.post(
                "/api/auth/login", json=body, environ_overrides=network
            ).status_code
            assert status == 401
        else:
            token = _sign_in_token(client)
            data = {"email": known.email, "password": WRONG, "csrf_token": token}
            page = client.post("/auth/sign-in", data=data, environ_overrides=network)
            assert page.status_code == 422
    body = {"email": known.email.upper(), "password": factories.PASSWORD}
    refused = client.post(
        "/api/auth/login", json=body, environ_overrides={"REMOTE_ADDR": "198.51.100.1"}
    )
    assert refused.status_code == 429
    assert refused.get_json()["code"] == "RATE_LIMITED"
    assert 1 <= int(refused.headers["Retry-After"]) <= 301  # rounded up


def _sign_in_token(client: CheckedClient) -> str:
    """Return the CSRF token of the sign-in page."""
    page = client.get("/auth/sign-in").text
    return page.split('name="csrf_token"')[1].split('value="')[1].split('"')[0]


def test_one_network_cannot_try_many_accounts(client: CheckedClient, known: User) -> None:
    for number in range(10):
        network = {"REMOTE_ADDR": f"203.0.113.{number}"}
        body = {"email": f"guess-{number}@example.com", "password": WRONG}
        status = client.post("/api/auth/login", json=body, environ_overrides=network).status_code
        assert status == 401
    body = {"email": known.email, "password": factories.PASSWORD}
    network = {"REMOTE_ADDR": "203.0.113.200"}
    refused = client.post("/api/auth/login", json=body, environ_overrides=network)
    assert refused.status_code == 429
    elsewhere = {"REMOTE_ADDR": "198.51.100.9"}
    allowed = client.post("/api/auth/login", json=body, environ_overrides=elsewhere)
    assert allowed.status_code == 200


def test_signing_in_rightly_is_never_counted(client: CheckedClient, known: User) -> None:
    for _ in range(15):
        assert _login(client, known.email, factories.PASSWORD).status_code == 200
