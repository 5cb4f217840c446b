"""Limits on guessing: per account, per network, shared by page and API, exact in parallel."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from flask import Flask
from sqlalchemy import text

from app.database import db
from app.domain.accounts.models import User
from app.domain.accounts.passwords import hash_password
from app.domain.audit.models import AuditEvent
from app.errors import TooManyRequests
from tests import factories
from tests.factories import PASSWORD
from tests.support.client import CheckedClient
from tests.support.server import LiveServer

LOGIN = "/api/auth/login"
WRONG = "wrong but long enough"


@pytest.fixture
def member() -> User:
    """Somebody with a password."""
    return factories.make_user(email="member@example.com", password=PASSWORD)


def _guess(client: CheckedClient, email: str, address: str = "203.0.113.1", password: str = WRONG):  # type: ignore[no-untyped-def]
    client.environ_base["REMOTE_ADDR"] = address
    return client.post(LOGIN, json={"email": email, "password": password})


def test_eleventh_guess_is_refused_even_if_right(client: CheckedClient, member: User) -> None:
    statuses = [_guess(client, member.email).status_code for _ in range(10)]
    assert statuses == [401] * 10
    refused = _guess(client, member.email, password=PASSWORD)
    assert refused.status_code == 429
    assert refused.mimetype == "application/problem+json"
    assert refused.get_json()["code"] == "RATE_LIMITED"
    assert 0 < int(refused.headers["Retry-After"]) <= 301  # rounded up


def test_a_door_that_closed_is_noted_once_a_minute(client: CheckedClient, member: User) -> None:
    for _ in range(14):
        answer = _guess(client, member.email)
    assert answer.status_code == 429
    [noted] = db.session.query(AuditEvent).filter_by(action="access.refused")
    assert noted.detail == {"endpoint": "auth.login", "method": "POST", "code": "RATE_LIMITED"}
    assert (noted.actor_kind, str(noted.ip_address)) == ("visitor", "203.0.113.1")
    assert (noted.subject_kind, noted.subject_id) == ("endpoint", None)


def test_headers_say_how_many_are_left(client: CheckedClient, member: User) -> None:
    headers = _guess(client, member.email).headers
    assert (headers["RateLimit-Limit"], headers["RateLimit-Remaining"]) == ("10", "9")
    assert 290 < int(headers["RateLimit-Reset"]) <= 300, "seconds from now"
    assert "Retry-After" not in headers, "that is for who must wait"


def test_account_is_guarded_across_networks(client: CheckedClient, member: User) -> None:
    for number in range(10):
        assert _guess(client, member.email, f"203.0.{number}.1").status_code == 401
    assert _guess(client, member.email, "203.0.99.1").status_code == 429
    assert _guess(client, "other@example.com", "203.0.99.1").status_code == 401


@pytest.mark.parametrize("spelling", ["MEMBER@example.com", " member@EXAMPLE.com "])
def test_spelling_the_address_otherwise_gives_no_further_guess(
    client: CheckedClient, member: User, spelling: str
) -> None:
    for number in range(10):
        _guess(client, member.email, f"203.0.{number}.1")
    assert _guess(client, spelling, "203.0.99.1").status_code == 429


@pytest.mark.parametrize(
    "neighbours",
    [
        [f"198.51.100.{number}" for number in range(1, 12)],
        [f"2001:db8:7:7::{number:x}" for number in range(1, 12)],
    ],
)
def test_network_is_counted_as_one(client: CheckedClient, neighbours: list[str]) -> None:
    statuses = [
        _guess(client, f"nobody{number}@example.com", address).status_code
        for number, address in enumerate(neighbours)
    ]
    assert statuses == [401] * 10 + [429]
    assert _guess(client, "nobody@example.com", "192.0.2.1").status_code == 401


def test_network_that_is_used_up_no_longer_locks_the_owner_out(
    client: CheckedClient, member: User
) -> None:
    for number in range(8):
        _guess(client, f"nobody{number}@example.com")
    for _ in range(40):
        _guess(client, member.email)
    response = _guess(client, member.email, "192.0.2.1", PASSWORD)
    assert response.status_code == 200


def test_right_password_is_no_guess(client: CheckedClient, member: User) -> None:
    """A school behind one address signs in as often as it likes."""
    for _ in range(15):
        assert _guess(client, member.email, password=PASSWORD).status_code == 200


def test_own_successes_buy_no_further_guesses(client: CheckedClient, member: User) -> None:
    statuses = []
    for number in range(12):
        _guess(client, member.email, password=PASSWORD)
        statuses.append(_guess(client, f"victim{number}@example.com").status_code)
    assert statuses == [401] * 10 + [429] * 2


def test_school_signing_in_at_once_does_not_lock_itself_out(
    committed_app: Flask, live_server: LiveServer
) -> None:
    """More at a time than the limit allows guesses: some are told to wait, none for long."""
    hashed = hash_password(PASSWORD)
    people = [f"pupil{number}@example.com" for number in range(16)]
    db.session.add_all(User(email=email, name="Pupil", password_hash=hashed) for email in people)
    db.session.commit()

    def sign_in(email: str) -> int:
        body = {"email": email, "password": PASSWORD}
        return requests.post(live_server.url + LOGIN, json=body, timeout=60).status_code

    with ThreadPoolExecutor(16) as pupils:
        at_once = list(pupils.map(sign_in, people))
    assert set(at_once) <= {200, 429}
    assert [sign_in(email) for email in people] == [200] * 16


def test_page_and_api_share_the_limit(client: CheckedClient, member: User) -> None:
    for _ in range(10):
        _guess(client, member.email)
    form = {"email": member.email, "password": PASSWORD}
    response = client.post_form("/auth/sign-in", form)
    assert response.status_code == 429
    assert response.mimetype == "text/html"
    assert int(response.headers["Retry-After"]) > 0


def test_malformed_requests_use_up_nothing(client: CheckedClient, member: User) -> None:
    for _ in range(15):
        client.post(LOGIN, data="{", content_type="application/json")
        client.post(LOGIN, json={"email": 1, "password": WRONG})
    assert _guess(client, member.email, password=PASSWORD).status_code == 200


def test_ten_sign_ups_an_hour_and_network(client: CheckedClient) -> None:
    def sign_up(number: int) -> int:
        body = {"email": f"new{number}@example.com", "password": PASSWORD, "name": "New"}
        return int(client.post("/api/auth/register", json=body).status_code)

    assert [sign_up(number) for number in range(11)] == [202] * 10 + [429]
    form = {"email": "page@example.com", "password": PASSWORD, "name": "New"}
    assert client.post_form("/auth/sign-up", form).status_code == 429


def test_typing_errors_are_no_sign_ups(client: CheckedClient) -> None:
    for _ in range(12):
        body = {"email": "new@example.com", "password": "short", "name": "New"}
        assert client.post("/api/auth/register", json=body).status_code == 422
    body["password"] = PASSWORD
    assert client.post("/api/auth/register", json=body).status_code == 202


def test_rush_of_sign_ins_is_told_to_come_back(
    client: CheckedClient, member: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_: object) -> bool:
        raise TooManyRequests(2)

    monkeypatch.setattr("app.domain.accounts.credentials.verify_password", busy)
    for _ in range(12):
        response = _guess(client, member.email)
        assert (response.status_code, response.headers["Retry-After"]) == (429, "2")
    monkeypatch.undo()
    assert _guess(client, member.email).status_code == 401, "what was not checked was no guess"


def test_no_address_is_kept_in_the_counters(committed_app: Flask) -> None:
    client = committed_app.test_client()
    body = {"email": "secret.person@example.com", "password": WRONG}
    assert client.post(LOGIN, json=body).status_code == 401
    keys = db.session.scalars(text("SELECT key FROM rate_limits")).all()
    assert keys
    assert not [key for key in keys if "secret.person" in key]


def test_parallel_guesses_over_two_workers_get_ten_answers(
    committed_app: Flask, live_server: LiveServer
) -> None:
    db.session.add(
        User(email="race@example.com", name="Race", password_hash=hash_password(PASSWORD))
    )
    db.session.commit()

    def guess(_: int) -> int:
        body = {"email": "race@example.com", "password": WRONG}
        return requests.post(live_server.url + LOGIN, json=body, timeout=30).status_code

    with ThreadPoolExecutor(3) as guessers:
        statuses = Counter(guessers.map(guess, range(25)))
    assert statuses == {401: 10, 429: 15}
