"""Changing a known password: this sign-in goes on, under another token; all others end."""

from collections.abc import Callable

import pytest

from app.database import db
from app.domain.accounts.models import User
from app.domain.accounts.passwords import verify_password
from app.domain.audit.models import AuditEvent
from tests import factories
from tests.factories import PASSWORD
from tests.support import html, letters
from tests.support.client import CheckedClient

ClientOf = Callable[[User], CheckedClient]
FRESH = "a-fresh-long-password-9"
CHANGE = {"current_password": PASSWORD, "password": FRESH}


@pytest.fixture
def person() -> User:
    """Somebody with a password."""
    return factories.make_user(password=PASSWORD)


def _knows(user: User, password: str) -> bool:
    db.session.expire_all()
    return verify_password(db.session.get_one(User, user.id).password_hash, password)


@pytest.mark.parametrize("door", ["page", "program"])
def test_other_devices_are_signed_out_and_this_one_goes_on(
    client_of: ClientOf, person: User, door: str
) -> None:
    mine, other = client_of(person), client_of(person)
    before = mine.get_cookie("session").value
    reset = _reset_path(mine, person)
    if door == "page":
        done = mine.post_form("/account/password", CHANGE)
        assert (done.status_code, done.headers["Location"]) == (303, "/account/password")
        assert "Your password is changed" in mine.get("/account/password").text
    else:
        assert mine.post("/api/auth/password", json=CHANGE).status_code == 204
    assert _knows(person, FRESH)
    assert mine.get_cookie("session").value != before
    assert mine.get("/api/auth/me").status_code == 200
    assert other.get("/api/auth/me").status_code == 401
    assert mine.get(reset).status_code == 410, "a link asked for before works no more"
    assert len(letters.mails(person.email, "password_changed")) == 1
    assert "password.changed" in {event.action for event in db.session.query(AuditEvent)}


def _reset_path(client: CheckedClient, user: User) -> str:
    client.post("/api/auth/reset", json={"email": user.email})
    return letters.newest_path(user.email, "reset_password")


@pytest.mark.parametrize(
    ("values", "blamed"),
    [
        ({"current_password": "not-the-password-1"}, "current_password"),
        ({"current_password": "x" * 5000}, "current_password"),
        ({"password": "short"}, "password"),
        ({"password": PASSWORD}, "password"),
        ({"password": ""}, "password"),
    ],
)
def test_wrong_field_is_named_and_nothing_changes(
    client_of: ClientOf, person: User, values: dict[str, str], blamed: str
) -> None:
    mine, other = client_of(person), client_of(person)
    page = mine.post_form("/account/password", {**CHANGE, **values})
    assert page.status_code == 422
    wrong = html.parse(page.text).find_all("input", attrs={"aria-invalid": "true"})
    assert [field["name"] for field in wrong] == [blamed]
    answer = mine.post("/api/auth/password", json={**CHANGE, **values})
    assert [error["field"] for error in answer.get_json()["errors"]] == [blamed]
    assert _knows(person, PASSWORD)
    assert other.get("/api/auth/me").status_code == 200
    assert letters.mails(person.email) == []


def test_somebody_without_a_password_is_sent_to_the_mail(
    client_of: ClientOf, learner: User
) -> None:
    page = client_of(learner).get("/account/password")
    assert "no password yet" in page.text
    assert html.parse(page.text).find("input", attrs={"name": "password"}) is None
