"""The sign-in and sign-out pages: forms, sessions and where they lead."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from app import clock
from app.database import db
from app.domain.accounts import sessions, users
from app.domain.accounts.models import LoginSession, User
from tests import factories
from tests.factories import PASSWORD
from tests.support import html
from tests.support.client import CheckedClient

ClientOf = Callable[[User], CheckedClient]
PATH = "/auth/sign-in"


@pytest.fixture
def member() -> User:
    """Somebody with a password."""
    return factories.make_user(email="member@example.com", password=PASSWORD)


def _sign_in(client: CheckedClient, email: str = "member@example.com", **fields: str):  # type: ignore[no-untyped-def]
    return client.post_form(PATH, {"email": email, "password": PASSWORD, **fields})


def _live_sessions(user: User) -> int:
    return len(sessions.list_live(user.id))


def test_right_password_starts_a_session(client: CheckedClient, member: User) -> None:
    response = _sign_in(client)
    assert (response.status_code, response.headers["Location"]) == (303, "/dashboard")
    assert client.get("/api/auth/me").get_json()["user"]["email"] == member.email
    assert _live_sessions(member) == 1


def test_cookie_is_kept_from_scripts_and_other_sites(client: CheckedClient, member: User) -> None:
    cookies = _sign_in(client).headers.getlist("Set-Cookie")
    cookie = next(value for value in cookies if value.startswith("session="))
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Path=/" in cookie
    assert f"Max-Age={30 * 24 * 3600}" in cookie
    assert "Domain" not in cookie


@pytest.mark.parametrize(
    ("email", "password"),
    [("member@example.com", "not the password"), ("nobody@example.com", PASSWORD)],
)
def test_wrong_answer_keeps_the_address_and_drops_the_password(
    client: CheckedClient, member: User, email: str, password: str
) -> None:
    response = client.post_form(PATH, {"email": email, "password": password, "next": "/courses"})
    assert response.status_code == 422
    page = html.parse(response.text)
    assert page.find("input", attrs={"name": "email"})["value"] == email
    assert page.find("input", attrs={"name": "next"})["value"] == "/courses"
    assert not page.find("input", attrs={"name": "password"}).get("value")
    assert password not in response.text
    assert "E-mail or password is wrong." in page.get_text()
    assert _live_sessions(member) == 0


@pytest.mark.parametrize("missing", ["email", "password"])
def test_missing_field_is_named(client: CheckedClient, missing: str) -> None:
    data = {"email": "lea@example.com", "password": PASSWORD, missing: ""}
    response = client.post_form(PATH, data)
    assert response.status_code == 422
    field = html.parse(response.text).find("input", attrs={"name": missing})
    assert field["aria-invalid"] == "true"
    assert field["aria-describedby"]


def test_form_without_its_token_is_refused(client: CheckedClient, member: User) -> None:
    client.get(PATH)
    response = client.post(PATH, data={"email": member.email, "password": PASSWORD})
    assert response.status_code == 400
    assert _live_sessions(member) == 0


def test_form_from_another_site_is_refused(client: CheckedClient, member: User) -> None:
    """Signing a visitor in to somebody else's account is an attack, too."""
    token = html.csrf_token(client.get(PATH).text)
    data = {"email": member.email, "password": PASSWORD, "csrf_token": token}
    response = client.post(PATH, data=data, headers={"Origin": "https://evil.example"})
    assert response.status_code == 403
    assert _live_sessions(member) == 0


def test_signing_in_leads_where_the_person_was_going(client: CheckedClient, member: User) -> None:
    assert _sign_in(client, next="/courses?q=loom").headers["Location"] == "/courses?q=loom"


@pytest.mark.parametrize("wanted", ["//evil.example", "/\\evil.example", "/auth/sign-in", "/api/x"])
def test_signing_in_leads_home_rather_than_astray(
    client: CheckedClient, member: User, wanted: str
) -> None:
    assert _sign_in(client, next=wanted).headers["Location"] == "/dashboard"


def test_who_is_signed_in_already_is_sent_on(client_of: ClientOf, learner: User) -> None:
    response = client_of(learner).get(PATH, query_string={"next": "/courses"})
    assert (response.status_code, response.headers["Location"]) == (303, "/courses")


def test_signing_in_gives_a_new_session_and_ends_the_old_one(
    client: CheckedClient, member: User, outsider: User
) -> None:
    """A session planted in the browser before the sign-in is worth nothing after it."""
    page = client.get(PATH).text
    planted = sessions.start(outsider, sessions.ClientInfo(None))
    db.session.commit()
    client.set_cookie("session", planted)
    data = {"email": member.email, "password": PASSWORD, "csrf_token": html.csrf_token(page)}
    assert client.post(PATH, data=data).status_code == 303
    fresh = client.get_cookie("session")
    assert fresh is not None
    assert fresh.value != planted
    assert sessions.find_signed_in(planted) is None
    found = sessions.find_signed_in(fresh.value)
    assert found is not None
    assert found.id == member.id


def test_form_token_changes_with_the_sign_in(client: CheckedClient, member: User) -> None:
    before = html.csrf_token(client.get(PATH).text)
    data = {"email": member.email, "password": PASSWORD, "csrf_token": before}
    assert client.post(PATH, data=data).status_code == 303
    assert client.post("/auth/sign-out", data={"csrf_token": before}).status_code == 400


def test_suspended_person_is_out_at_the_next_request(client_of: ClientOf, learner: User) -> None:
    client = client_of(learner)
    assert client.get("/api/auth/me").status_code == 200
    users.suspend(learner)
    db.session.commit()
    assert client.get("/api/auth/me").status_code == 401
    assert client.get("/dashboard").headers["Location"].startswith(PATH)


def test_signing_out_ends_the_session_and_takes_the_cookie(
    client: CheckedClient, member: User
) -> None:
    _sign_in(client)
    cookie = client.get_cookie("session")
    assert cookie is not None
    response = client.post_form("/auth/sign-out", page="/dashboard")
    assert (response.status_code, response.headers["Location"]) == (303, "/")
    assert client.get_cookie("session") is None
    assert sessions.find_signed_in(cookie.value) is None


def test_use_renews_cookie_and_session_together(client: CheckedClient, member: User) -> None:
    _sign_in(client)
    assert "Set-Cookie" not in client.get("/api/courses").headers
    with clock.shifted(timedelta(days=20)):
        cookie = client.get("/api/courses").headers["Set-Cookie"]
        assert cookie.startswith("session=")
        assert f"Max-Age={30 * 24 * 3600}" in cookie
    with clock.shifted(timedelta(days=45)):
        assert client.get("/api/auth/me").status_code == 200


def test_session_remembers_where_it_was_started(client: CheckedClient, member: User) -> None:
    client.environ_base["REMOTE_ADDR"] = "203.0.113.9"
    client.environ_base["HTTP_USER_AGENT"] = "Loom/1.0"
    _sign_in(client)
    row = db.session.scalars(select(LoginSession)).one()
    assert (str(row.ip_address), row.user_agent) == ("203.0.113.9", "Loom/1.0")
