"""/api/auth: strict bodies, one answer for known and unknown, sessions that rotate and end."""

from collections.abc import Callable
from typing import Any

import pytest

from app.domain.accounts import sessions, users
from app.domain.accounts.models import User
from app.domain.accounts.users import find_by_email
from tests import factories
from tests.factories import PASSWORD
from tests.support.client import CheckedClient

ClientOf = Callable[[User], CheckedClient]
NEW = {"email": "nia@example.com", "password": PASSWORD, "name": "Nia New"}
VOLATILE = {"X-Request-Id", "Date", "RateLimit-Remaining", "RateLimit-Reset"}


@pytest.fixture
def member() -> User:
    """Somebody with a password."""
    return factories.make_user(email="member@example.com", password=PASSWORD)


def _essence(response: Any) -> tuple[int, dict[str, Any], dict[str, str]]:
    """What a guesser sees of an answer, less what changes with every request."""
    body = {name: value for name, value in response.get_json().items() if name != "request_id"}
    headers = {name: value for name, value in response.headers if name not in VOLATILE}
    return response.status_code, body, headers


def test_registered_person_can_log_in(client: CheckedClient) -> None:
    assert client.post("/api/auth/register", json=NEW).status_code == 202
    response = client.post("/api/auth/login", json={"email": NEW["email"], "password": PASSWORD})
    assert response.status_code == 200
    user = response.get_json()["user"]
    assert (user["email"], user["name"], user["role"]) == (NEW["email"], NEW["name"], "learner")
    assert client.get("/api/auth/me").get_json() == {"user": user}


def test_registration_says_nothing_about_who_is_known(client: CheckedClient, member: User) -> None:
    known = client.post("/api/auth/register", json={**NEW, "email": member.email})
    new = client.post("/api/auth/register", json=NEW)
    assert _essence(known) == _essence(new)
    assert new.status_code == 202


def test_login_says_nothing_about_who_is_known(client: CheckedClient, member: User) -> None:
    wrong = {"password": "wrong but long enough"}
    known = client.post("/api/auth/login", json={"email": member.email, **wrong})
    unknown = client.post("/api/auth/login", json={"email": "x" * 6 + "@example.com", **wrong})
    users.suspend(factories.make_user(email="gone@example.com", password=PASSWORD))
    suspended = client.post("/api/auth/login", json={"email": "gone@example.com", **wrong})
    right = {"email": "gone@example.com", "password": PASSWORD}
    locked = client.post("/api/auth/login", json=right)
    assert known.status_code == 401
    assert known.get_json()["code"] == "INVALID_CREDENTIALS"
    assert "Set-Cookie" not in known.headers
    assert _essence(known) == _essence(unknown) == _essence(suspended) == _essence(locked)


def test_login_rotates_the_session(client: CheckedClient, member: User) -> None:
    credentials = {"email": member.email, "password": PASSWORD}
    tokens = []
    for _ in range(2):
        assert client.post("/api/auth/login", json=credentials).status_code == 200
        cookie = client.get_cookie("session")
        assert cookie is not None
        tokens.append(cookie.value)
    assert tokens[0] != tokens[1]
    assert sessions.find_signed_in(tokens[0]) is None
    assert sessions.find_signed_in(tokens[1]) is not None


def test_logout_ends_the_session_everywhere_the_cookie_went(
    client_of: ClientOf, learner: User
) -> None:
    client = client_of(learner)
    copied = client.get_cookie("session")
    assert copied is not None
    response = client.post("/api/auth/logout")
    assert (response.status_code, response.data) == (204, b"")
    assert client.get_cookie("session") is None
    client.set_cookie("session", copied.value)
    assert client.get("/api/auth/me").status_code == 401


def test_stranger_is_nobody(client: CheckedClient) -> None:
    response = client.get("/api/auth/me")
    assert response.status_code == 401
    assert response.mimetype == "application/problem+json"
    assert response.get_json()["code"] == "SIGN_IN_REQUIRED"


@pytest.mark.parametrize("path", ["/api/auth/register", "/api/auth/login"])
class TestBodies:
    """What arrives instead of the JSON that was asked for."""

    @pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", None])
    def test_other_content_types_are_refused(
        self, client: CheckedClient, path: str, kind: str | None
    ) -> None:
        body = '{"email": "a@example.com", "password": "x", "name": "A"}'
        response = client.post(path, data=body, content_type=kind)
        assert response.status_code == 415
        assert response.mimetype == "application/problem+json"

    @pytest.mark.parametrize("body", ["", "{", "{'email': 1}", "nonsense", "[]", "null", '"text"'])
    def test_malformed_json_is_refused(self, client: CheckedClient, path: str, body: str) -> None:
        response = client.post(path, data=body, content_type="application/json")
        assert response.status_code == 400
        assert response.get_json()["code"]

    @pytest.mark.parametrize("wrong", [None, 1, True, ["a@example.com"], {"$ne": ""}])
    def test_wrong_types_are_named(self, client: CheckedClient, path: str, wrong: object) -> None:
        body = {**NEW, "email": wrong}
        if path.endswith("login"):
            del body["name"]
        response = client.post(path, json=body)
        assert response.status_code == 422
        assert [fault["field"] for fault in response.get_json()["errors"]] == ["email"]

    def test_unknown_fields_are_named(self, client: CheckedClient, path: str) -> None:
        body = {**NEW, "role": "admin"}
        response = client.post(path, json=body)
        assert response.status_code == 422
        assert "role" in [fault["field"] for fault in response.get_json()["errors"]]
        assert find_by_email(NEW["email"]) is None

    def test_huge_body_is_refused(self, client: CheckedClient, path: str) -> None:
        response = client.post(path, json={**NEW, "name": "x" * 2_000_000})
        assert response.status_code == 413
        assert response.mimetype == "application/problem+json"

    def test_half_a_surrogate_pair_is_no_crash(self, client: CheckedClient, path: str) -> None:
        body = '{"email": "a\\ud800@example.com", "password": "\\ud800\\ud800 long enough"'
        body += ', "name": "\\ud800"}' if path.endswith("register") else "}"
        response = client.post(path, data=body, content_type="application/json")
        assert response.status_code in (400, 401, 422)

    def test_another_site_is_refused(self, client: CheckedClient, path: str) -> None:
        for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
            response = client.post(path, json=NEW, headers=headers)
            assert response.status_code == 403
        assert find_by_email(NEW["email"]) is None

    def test_reading_it_is_not_allowed(self, client: CheckedClient, path: str) -> None:
        assert client.get(path).status_code in (401, 405)


def test_faults_of_a_registration_are_all_named(client: CheckedClient) -> None:
    body = {"email": "nowhere", "password": "short", "name": ""}
    response = client.post("/api/auth/register", json=body)
    assert response.status_code == 422
    assert {fault["field"] for fault in response.get_json()["errors"]} == set(body)
    assert response.get_json()["code"] == "INVALID_INPUT"


@pytest.mark.parametrize("password", ["", "x" * 100_000, "\0", "ሰላም"])
def test_odd_passwords_are_wrong_not_fatal(
    client: CheckedClient, member: User, password: str
) -> None:
    body = {"email": member.email, "password": password}
    assert client.post("/api/auth/login", json=body).status_code == 401
