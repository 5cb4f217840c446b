"""The step-up: sensitive acts ask again after a quarter of an hour, and lead back."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from app.clock import shifted
from app.database import db
from app.domain.accounts.models import LoginSession, User
from app.domain.audit.models import AuditEvent
from app.domain.courses.models import Course, Lesson
from tests import factories
from tests.factories import PASSWORD
from tests.security.test_open_redirects import ELSEWHERE
from tests.support import html, player
from tests.support.client import CheckedClient

ClientOf = Callable[[User], CheckedClient]
LATER = timedelta(minutes=16)
NEW = {"email": "new@example.com"}


@pytest.fixture
def person() -> User:
    """Somebody with a password."""
    return factories.make_user(password=PASSWORD)


@pytest.fixture
def mine(client_of: ClientOf, person: User) -> CheckedClient:
    """Their browser."""
    return client_of(person)


def _cookie(client: CheckedClient) -> str:
    cookie = client.get_cookie("session")
    assert cookie is not None
    return str(cookie.value)


def test_fresh_sign_in_is_not_asked(mine: CheckedClient) -> None:
    assert mine.post_form("/account/email", NEW).headers["Location"] == "/account/email"


def test_later_a_page_asks_and_says_that_nothing_was_kept(mine: CheckedClient) -> None:
    with shifted(LATER):
        asked = mine.post_form("/account/email", NEW)
        assert asked.status_code == 303
        assert asked.headers["Location"] == "/account/confirm?next=/account/email"
        page = mine.get(asked.headers["Location"])
        assert "What you sent was not kept" in page.text
        done = mine.post_form(asked.headers["Location"], {"password": PASSWORD, "next": NEXT})
        assert (done.status_code, done.headers["Location"]) == (303, NEXT)
        assert mine.post_form("/account/email", NEW).headers["Location"] == "/account/email"
    with shifted(LATER * 2):
        assert "/account/confirm" in mine.post_form("/account/email", NEW).headers["Location"]


NEXT = "/account/email"


def test_form_keeps_where_one_was_going(mine: CheckedClient) -> None:
    page = html.parse(mine.get("/account/confirm?next=/account/data%3Fa=1").text)
    assert page.find("input", attrs={"name": "next"})["value"] == "/account/data?a=1"


def test_referring_page_of_this_site_is_returned_to(mine: CheckedClient) -> None:
    token = html.csrf_token(mine.get("/account/email").text)
    data = {**NEW, "csrf_token": token}
    for referrer, wanted in (
        ("http://localhost/account/email?from=mail", "/account/email?from%3Dmail"),
        ("http://evil.example/account", "/account/email"),
    ):
        with shifted(LATER):
            asked = mine.post("/account/email", data=data, headers={"Referer": referrer})
        assert asked.headers["Location"] == f"/account/confirm?next={wanted}"


def test_program_is_told_and_confirms(mine: CheckedClient) -> None:
    with shifted(LATER):
        refused = mine.post("/api/auth/email", json=NEW)
        assert refused.status_code == 403
        assert refused.get_json()["code"] == "CONFIRMATION_REQUIRED"
        assert mine.post("/api/auth/confirm", json={"password": PASSWORD}).status_code == 204
        assert mine.post("/api/auth/email", json=NEW).status_code == 202


def test_confirming_changes_the_cookie(mine: CheckedClient) -> None:
    before = _cookie(mine)
    mine.post_form("/account/confirm", {"password": PASSWORD})
    after = _cookie(mine)
    assert before != after
    assert mine.get("/api/auth/me").status_code == 200
    assert db.session.query(LoginSession).count() == 1


def test_stream_in_another_tab_goes_on(
    mine: CheckedClient, person: User, course: Course, video_lesson: Lesson
) -> None:
    factories.make_enrollment(person, course)
    stream = player.start(mine, video_lesson).open()
    assert mine.post("/api/auth/confirm", json={"password": PASSWORD}).status_code == 204
    for name in ("segment", "key"):
        assert mine.get(stream.addresses[name]).status_code == 200


@pytest.mark.parametrize("body", [{}, {"password": ""}, {"password": "not-the-password-1"}])
def test_wrong_password_changes_nothing(mine: CheckedClient, body: dict[str, str]) -> None:
    before = _cookie(mine)
    with shifted(LATER):
        answer = mine.post("/api/auth/confirm", json=body)
        assert answer.status_code == 422
        assert answer.get_json()["errors"][0]["field"] == "password"
        page = mine.post_form("/account/confirm", body)
        assert page.status_code == 422
        field = html.parse(page.text).find("input", attrs={"name": "password"})
        assert field["aria-invalid"] == "true"
        assert mine.post("/api/auth/email", json=NEW).status_code == 403
    assert _cookie(mine) == before
    noted = {event.action for event in db.session.query(AuditEvent)}
    assert "session.confirmed" not in noted
    assert ("session.confirmation_refused" in noted) == bool(body.get("password"))


def test_guessing_the_password_ends_after_ten_tries(mine: CheckedClient) -> None:
    for _ in range(10):
        assert mine.post("/api/auth/confirm", json={"password": "wrong-wrong-1"}).status_code == 422
    refused = mine.post("/api/auth/confirm", json={"password": PASSWORD})
    assert refused.status_code == 429
    body = {"current_password": PASSWORD, "password": "a-fresh-long-password-9"}
    assert mine.post("/api/auth/password", json=body).status_code == 429, "one count for both"


def test_confirming_rightly_is_never_counted(mine: CheckedClient) -> None:
    for _ in range(12):
        assert mine.post("/api/auth/confirm", json={"password": PASSWORD}).status_code == 204


@pytest.mark.parametrize("wanted", [*ELSEWHERE, "/auth/sign-out", "/account/confirm", "/api/x"])
def test_confirming_never_leads_elsewhere(mine: CheckedClient, wanted: str) -> None:
    data = {"password": PASSWORD, "next": wanted}
    done = mine.post_form("/account/confirm", data)
    assert done.status_code == 303
    assert done.headers["Location"] in ("/account", "/%0d%0aLocation:%20https://evil.example//")


def test_program_sends_nothing_unknown(mine: CheckedClient) -> None:
    answer = mine.post("/api/auth/confirm", json={"password": PASSWORD, "user_id": "x"})
    assert answer.status_code == 422
