"""Threat 11: a login session belongs to one sign-in, is not guessable, and ends at once."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from app.clock import shifted
from app.database import db
from app.domain.accounts import sessions
from app.domain.accounts.models import LoginSession, Role, User, UserStatus
from tests import factories
from tests.support.client import CheckedClient

ClientOf = Callable[[User], CheckedClient]


@pytest.fixture
def person() -> User:
    """Somebody with a password."""
    return factories.make_user(password=factories.PASSWORD)


def _login(client: CheckedClient, user: User) -> str:
    body = {"email": user.email, "password": factories.PASSWORD}
    assert client.post("/api/auth/login", json=body).status_code == 200
    cookie = client.get_cookie("session")
    assert cookie is not None
    return cookie.value


def test_a_token_from_before_the_sign_in_is_worthless(client: CheckedClient, person: User) -> None:
    """Session fixation: what an attacker planted is not what the victim gets."""
    client.set_cookie("session", "planted-by-somebody")
    assert _login(client, person) != "planted-by-somebody"
    client.set_cookie("session", "planted-by-somebody")
    assert client.get("/api/auth/me").status_code == 401


def test_each_sign_in_has_a_token_of_its_own(client: CheckedClient, person: User) -> None:
    first = _login(client, person)
    second = _login(client, person)
    assert first != second
    client.set_cookie("session", first)
    assert client.get("/api/auth/me").status_code == 401


def test_only_a_hash_of_the_token_is_stored(client: CheckedClient, person: User) -> None:
    token = _login(client, person)
    assert len(token) >= 43
    [row] = db.session.query(LoginSession).filter_by(user_id=person.id)
    assert len(row.token_hash) == 32
    assert token.encode() not in row.token_hash


def test_the_cookie_is_out_of_reach_for_scripts(client: CheckedClient, person: User) -> None:
    body = {"email": person.email, "password": factories.PASSWORD}
    answer = client.post("/api/auth/login", json=body)
    [cookie] = [c for c in answer.headers.getlist("Set-Cookie") if c.startswith("session=")]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Path=/" in cookie


def test_signing_out_ends_the_session_everywhere_it_was_copied_to(
    client: CheckedClient, person: User
) -> None:
    token = _login(client, person)
    assert client.post("/api/auth/logout", json={}).status_code == 204
    client.set_cookie("session", token)
    assert client.get("/api/auth/me").status_code == 401


@pytest.mark.parametrize("days", [31, 181])
def test_an_unused_session_ends(client_of: ClientOf, learner: User, days: int) -> None:
    client = client_of(learner)
    with shifted(timedelta(days=days)):
        assert client.get("/api/auth/me").status_code == 401


def test_a_used_session_goes_on_but_not_for_ever(client_of: ClientOf, learner: User) -> None:
    client = client_of(learner)
    for day in range(0, 180, 20):
        with shifted(timedelta(days=day)):
            assert client.get("/api/auth/me").status_code == 200, f"ended on day {day}"
    with shifted(timedelta(days=185)):
        assert client.get("/api/auth/me").status_code == 401


def test_a_suspension_counts_from_the_next_request(client_of: ClientOf, learner: User) -> None:
    client = client_of(learner)
    assert client.get("/api/auth/me").status_code == 200
    learner.status = UserStatus.SUSPENDED
    db.session.commit()
    assert client.get("/api/auth/me").status_code == 401


def test_a_lost_role_counts_from_the_next_request(client_of: ClientOf) -> None:
    """Threat 8: the role is read each time, never remembered in a cookie."""
    staff = factories.make_user(Role.ADMIN)
    client = client_of(staff)
    assert client.get("/admin").status_code == 200
    staff.role = Role.LEARNER
    db.session.commit()
    assert client.get("/admin").status_code in (403, 404)


def test_ending_all_spares_the_one_that_asked(person: User, client_of: ClientOf) -> None:
    clients = [client_of(person) for _ in range(3)]
    kept = sessions.find_signed_in(clients[0].get_cookie("session").value)
    assert kept is not None
    assert sessions.end_all(person.id, except_session_id=kept.session_id) == 2
    db.session.commit()
    assert [c.get("/api/auth/me").status_code for c in clients] == [200, 401, 401]


@pytest.mark.parametrize("token", ["", "x", "é", "a" * 4000, "'; DROP TABLE users; --", "%00"])
def test_noise_in_the_cookie_is_nobody(client: CheckedClient, token: str) -> None:
    client.set_cookie("session", token)
    answer = client.get("/api/auth/me")
    assert answer.status_code == 401
    assert answer.get_json()["code"] == "SIGN_IN_REQUIRED"
