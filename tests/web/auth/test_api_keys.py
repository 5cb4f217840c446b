"""The page of API keys and its JSON twin: made once, shown once, revoked at once."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app.clock import shifted
from app.database import db
from app.domain.accounts import api_keys
from app.domain.accounts.models import ApiKey, User
from app.domain.audit.models import AuditEvent
from tests.support import html, keys
from tests.support.client import CheckedClient

ClientOf = Callable[[User], CheckedClient]
PAGE = "/account/api-keys"
API = "/api/auth/api-keys"
FORM = {"name": "My phone", "scopes": ["playback", "courses:read"], "expires_in_days": "90"}
BODY = {"name": "Report", "scopes": ["courses:read"], "expires_in_days": 7}


def _shown_key(client: CheckedClient) -> str | None:
    field = html.parse(client.get(PAGE).text).find("input", id="fresh-key")
    return str(field["value"]) if field else None


def _audited(user: User) -> list[tuple[str, str]]:
    rows = db.session.scalars(select(AuditEvent).where(AuditEvent.actor_id == user.id))
    return [(row.action, row.detail.get("name", "")) for row in rows]


def test_new_key_is_shown_once_and_works(app: Flask, client_of: ClientOf, learner: User) -> None:
    client = client_of(learner)
    answer = client.post_form(PAGE, FORM)
    assert (answer.status_code, answer.headers["Location"]) == (303, PAGE)
    token = _shown_key(client)
    assert token is not None
    assert _shown_key(client) is None, "reloading or coming back shows it no more"
    program = keys.client_with(app, token)
    assert program.get("/api/courses/enrolled").status_code == 200
    assert program.get("/api/auth/me").get_json()["scope"] == "profile:read"


def test_cookie_on_the_way_to_the_page_holds_no_readable_key(
    client_of: ClientOf, learner: User
) -> None:
    client = client_of(learner)
    client.post_form(PAGE, FORM)
    with client.session_transaction() as kept:
        assert "tt_" not in str(dict(kept))
    cookie = client.get_cookie("form")
    assert cookie is not None
    assert "tt_" not in cookie.value


def test_key_made_by_one_is_not_shown_to_the_next_at_this_browser(
    app: Flask, client_of: ClientOf, learner: User, outsider: User
) -> None:
    client, other = client_of(learner), client_of(outsider)
    client.post_form(PAGE, FORM)
    client.set_cookie("session", other.get_cookie("session").value)
    assert _shown_key(client) is None


def test_page_lists_names_scopes_and_use(app: Flask, client_of: ClientOf, learner: User) -> None:
    token = keys.make_key(learner, ("playback",), name="Living room")
    page = html.parse(client_of(learner).get(PAGE).text).get_text(" ", strip=True)
    assert "Living room" in page
    assert "Play the lessons that are open to you" in page
    assert "never used" in page
    keys.client_with(app, token).get("/api/playback/sessions")
    page = html.parse(client_of(learner).get(PAGE).text).get_text(" ", strip=True)
    assert "last used on" in page


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("name", "", "Name the key"),
        ("scopes", [], "Choose at least one"),
        ("scopes", ["admin:read"], "Choose from what is offered"),
        ("expires_in_days", "4000", "Not a valid choice"),
        ("expires_in_days", "x", "Not a valid choice"),
    ],
)
def test_wrong_form_says_what_is_wrong_and_makes_none(
    client_of: ClientOf, learner: User, field: str, value: object, message: str
) -> None:
    answer = client_of(learner).post_form(PAGE, {**FORM, field: value})
    assert answer.status_code == 422
    assert message in answer.text
    assert api_keys.list_live(learner.id) == []


def test_without_a_recent_proof_of_identity_no_key_is_made(
    client_of: ClientOf, learner: User
) -> None:
    client = client_of(learner)
    token = html.csrf_token(client.get(PAGE).text)
    with shifted(timedelta(minutes=16)):
        page = client.get(PAGE)
        assert "/account/confirm?next=/account/api-keys" in page.text
        assert 'name="name"' not in page.text, "nobody types a form that will be refused"
        client.post(PAGE, data={**FORM, "csrf_token": token})
        refused = client.post(API, json=BODY)
        assert (refused.status_code, refused.get_json()["code"]) == (403, "CONFIRMATION_REQUIRED")
    assert api_keys.list_live(learner.id) == []


def test_revoking_on_the_page_ends_the_key_and_may_be_pressed_twice(
    app: Flask, client_of: ClientOf, learner: User
) -> None:
    token = keys.make_key(learner, name="Old phone")
    program = keys.client_with(app, token)
    assert program.get("/api/auth/me").status_code == 200
    client = client_of(learner)
    [view] = api_keys.list_live(learner.id)
    path = f"{PAGE}/{view.id}/revoke"
    page = html.csrf_token(client.get("/dashboard").text)
    for _ in range(2):
        assert client.post(path, data={"csrf_token": page}).status_code == 303
    assert program.get("/api/auth/me").status_code == 401
    assert _audited(learner) == [("api_key.revoked", "Old phone")]


def test_key_of_another_stays(client_of: ClientOf, learner: User, outsider: User) -> None:
    keys.make_key(learner)
    [view] = api_keys.list_live(learner.id)
    other = client_of(outsider)
    assert other.delete(f"{API}/{view.id}", json={}).status_code == 404
    token = html.csrf_token(other.get("/dashboard").text)
    other.post(f"{PAGE}/{view.id}/revoke", data={"csrf_token": token})
    assert len(api_keys.list_live(learner.id)) == 1


def test_program_makes_lists_and_revokes_with_the_cookie(
    client_of: ClientOf, learner: User
) -> None:
    client = client_of(learner)
    made = client.post(API, json=BODY)
    assert made.status_code == 201
    document = made.get_json()
    assert document["token"].startswith("tt_")
    assert document["scopes"] == ["courses:read"]
    [listed] = client.get(API).get_json()["items"]
    assert listed == {name: document[name] for name in document if name != "token"}
    assert client.delete(f"{API}/{document['id']}", json={}).status_code == 204
    assert client.delete(f"{API}/{document['id']}", json={}).status_code == 404
    assert client.get(API).get_json()["items"] == []
    assert _audited(learner) == [("api_key.created", "Report"), ("api_key.revoked", "Report")]


@pytest.mark.parametrize(
    "change",
    [
        {"name": ""},
        {"scopes": []},
        {"scopes": ["no:such"]},
        {"expires_in_days": 0},
        {"expires_in_days": 366},
        {"expires_in_days": "7"},
        {"user_id": "11111111-1111-4111-8111-111111111111"},
    ],
    ids=str,
)
def test_wrong_json_is_refused_by_field(
    client_of: ClientOf, learner: User, change: dict[str, object]
) -> None:
    answer = client_of(learner).post(API, json={**BODY, **change})
    assert answer.status_code == 422
    fields = [fault["field"].split(".")[0] for fault in answer.get_json()["errors"]]
    assert fields == list(change)
    assert db.session.query(ApiKey).count() == 0


def test_twenty_first_key_is_refused_in_words(client_of: ClientOf, learner: User) -> None:
    for _ in range(api_keys.MAX_LIVE_KEYS):
        keys.make_key(learner)
    client = client_of(learner)
    assert client.post(API, json=BODY).status_code == 422
    page = client.get(PAGE)
    assert "as many as an account may have" in page.text
    assert 'name="name"' not in page.text


def test_last_use_is_written_by_requests_of_every_kind(app: Flask, learner: User) -> None:
    program = keys.client_with(app, keys.make_key(learner))
    assert program.get("/api/auth/me").status_code == 200
    [view] = api_keys.list_live(learner.id)
    assert view.last_used_at is not None
