"""The devices one is signed in on: seeing them, and signing them out."""

from collections.abc import Callable
from uuid import uuid4

import pytest

from app.database import db
from app.domain.accounts import sessions
from app.domain.accounts.clients import ClientInfo
from app.domain.accounts.models import LoginSession, User
from app.domain.audit.models import AuditEvent
from tests.support import html
from tests.support.client import CheckedClient

ClientOf = Callable[[User], CheckedClient]
PHONE = ClientInfo("203.0.113.77", "Mozilla/5.0 (Linux; Android 14) Chrome/130.0 Mobile")


@pytest.fixture
def mine(client_of: ClientOf, learner: User) -> CheckedClient:
    """The browser in front of the person."""
    return client_of(learner)


@pytest.fixture
def phone(mine: CheckedClient, learner: User) -> str:
    """The token of another device."""
    token = sessions.start(learner, PHONE)
    db.session.commit()
    return token


def _listed(client: CheckedClient) -> list[dict[str, object]]:
    items: list[dict[str, object]] = client.get("/api/auth/sessions").get_json()["items"]
    return items


def _id_of(client: CheckedClient, *, this: bool) -> str:
    return next(str(one["id"]) for one in _listed(client) if one["is_this_sign_in"] is this)


def test_each_device_is_shown_with_its_name_and_network(mine: CheckedClient, phone: str) -> None:
    text = html.parse(mine.get("/account/sessions").text).main.get_text(" ", strip=True)
    assert "Chrome on Android" in text
    assert "203.0.113.0/24" in text
    assert "203.0.113.77" not in text
    assert text.count("This device") == 1
    listed = _listed(mine)
    assert [(one["device"], one["is_this_sign_in"]) for one in listed] == [
        ("Another device", True),
        ("Chrome on Android", False),
    ]
    assert set(listed[0]) == {
        *("id", "device", "network", "created_at", "last_seen_at", "is_this_sign_in")
    }


@pytest.mark.parametrize("door", ["page", "program"])
def test_one_device_is_signed_out(mine: CheckedClient, phone: str, door: str) -> None:
    session_id = _id_of(mine, this=False)
    for _ in range(2):  # a second click changes nothing
        if door == "page":
            path = f"/account/sessions/{session_id}/end"
            assert mine.post_form(path, page="/account/sessions").status_code == 303
        else:
            assert mine.delete(f"/api/auth/sessions/{session_id}").status_code == 204
    assert sessions.find_signed_in(phone) is None
    assert mine.get("/api/auth/me").status_code == 200
    assert "session.ended" in {event.action for event in db.session.query(AuditEvent)}


@pytest.mark.parametrize("door", ["page", "program"])
def test_everybody_else_is_signed_out(mine: CheckedClient, phone: str, door: str) -> None:
    if door == "page":
        mine.post_form("/account/sessions/end-others", page="/account/sessions")
        assert "1 device is signed out" in mine.get("/account/sessions").text
    else:
        assert mine.delete("/api/auth/sessions").status_code == 204
    assert sessions.find_signed_in(phone) is None
    assert [one["is_this_sign_in"] for one in _listed(mine)] == [True]


def test_signing_out_everywhere_ends_this_one_as_well(mine: CheckedClient, phone: str) -> None:
    done = mine.post_form("/account/sessions/end-all", page="/account/sessions")
    assert (done.status_code, done.headers["Location"]) == (303, "/auth/sign-in")
    assert mine.get_cookie("session") is None
    assert db.session.query(LoginSession).filter_by(revoked_at=None).count() == 0
    assert "signed out on every device" in mine.get("/auth/sign-in").text


def test_signing_this_device_out_leads_to_signing_in(mine: CheckedClient) -> None:
    path = f"/account/sessions/{_id_of(mine, this=True)}/end"
    done = mine.post_form(path, page="/account/sessions")
    assert done.headers["Location"] == "/auth/sign-in"
    assert mine.get("/api/auth/me").status_code == 401


def test_strangers_session_does_not_exist(
    mine: CheckedClient, client_of: ClientOf, outsider: User
) -> None:
    """Threat 1: an id that is somebody else's and one that is nobody's answer alike."""
    other = client_of(outsider)
    foreign = _id_of(other, this=True)
    answers = [mine.delete(f"/api/auth/sessions/{one}") for one in (foreign, uuid4())]
    assert [answer.status_code for answer in answers] == [404, 404]
    told = [{**answer.get_json(), "request_id": ""} for answer in answers]
    assert told[0] == told[1]
    assert other.get("/api/auth/me").status_code == 200
    page = mine.post_form(f"/account/sessions/{foreign}/end", page="/account/sessions")
    assert page.status_code == 404
