"""Threat 11: a session's token from before a rotation is worth nothing to whoever copied it."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import update

from app.clock import shifted, utcnow
from app.database import db
from app.domain.accounts import sessions
from app.domain.accounts.clients import ClientInfo
from app.domain.accounts.models import LoginSession, User
from app.domain.audit.models import AuditEvent
from app.domain.audit.verification import verify
from tests import factories
from tests.factories import PASSWORD
from tests.support.client import CheckedClient
from tests.support.http import Visitor
from tests.support.server import LiveServer

ClientOf = Callable[[User], CheckedClient]


@pytest.fixture
def owner(client_of: ClientOf) -> CheckedClient:
    """The browser of somebody with a password."""
    return client_of(factories.make_user(password=PASSWORD))


def _token(client: CheckedClient) -> str:
    cookie = client.get_cookie("session")
    assert cookie is not None
    return str(cookie.value)


def _thief(app: Flask, token: str) -> CheckedClient:
    client = app.test_client()
    assert isinstance(client, CheckedClient)
    client.set_cookie("session", token)
    return client


def _confirm(client: CheckedClient) -> None:
    assert client.post("/api/auth/confirm", json={"password": PASSWORD}).status_code == 204


def _reuses() -> list[AuditEvent]:
    return db.session.query(AuditEvent).filter_by(action="session.reused").all()


def test_copied_token_ends_the_session_for_both(app: Flask, owner: CheckedClient) -> None:
    copied = _token(owner)
    _confirm(owner)
    with shifted(timedelta(seconds=61)):
        assert owner.get("/api/auth/me").status_code == 200
        assert _thief(app, copied).get("/api/auth/me").status_code == 401
        assert owner.get("/api/auth/me").status_code == 401, "which of the two stole is unknown"
        assert _thief(app, copied).get("/dashboard").status_code == 303
    [event] = _reuses()
    assert event.actor_id is None
    assert event.subject_id == db.session.query(User.id).scalar()
    assert event.detail["session"] == str(db.session.query(LoginSession.id).scalar())


def test_copied_token_of_a_moment_ago_opens_nothing_sensitive(
    app: Flask, owner: CheckedClient
) -> None:
    copied = _token(owner)
    _confirm(owner)
    thief = _thief(app, copied)
    assert thief.get("/api/auth/me").status_code == 200, "a request under way at the rotation"
    refused = thief.post("/api/auth/email", json={"email": "thief@example.com"})
    assert (refused.status_code, refused.get_json()["code"]) == (403, "CONFIRMATION_REQUIRED")
    assert owner.get("/api/auth/me").status_code == 200
    assert _reuses() == []


def test_late_answer_does_not_bring_the_old_cookie_back(app: Flask, owner: CheckedClient) -> None:
    copied = _token(owner)
    with shifted(timedelta(minutes=5)):  # the session's end is due to move
        _confirm(owner)
        answer = _thief(app, copied).get("/dashboard")
    assert answer.status_code == 200
    sent = [one for one in answer.headers.getlist("Set-Cookie") if one.startswith("session=")]
    assert sent == []


def test_signing_out_with_the_old_token_ends_the_session(app: Flask, owner: CheckedClient) -> None:
    copied = _token(owner)
    _confirm(owner)
    assert _thief(app, copied).post("/api/auth/logout", json={}).status_code == 204
    assert owner.get("/api/auth/me").status_code == 401


def test_server_notices_reuse_on_a_page_that_only_reads(
    committed_app: Flask, live_server: LiveServer
) -> None:
    """Reading requests have no transaction; the trail must get one, or its chain may fork."""
    user = factories.make_user(email="reused@example.com")
    old = sessions.start(user, ClientInfo(None))
    [session_id] = db.session.query(LoginSession.id).one()
    new = sessions.rotate_in_place(session_id)
    db.session.execute(update(LoginSession).values(rotated_at=utcnow() - timedelta(minutes=2)))
    db.session.commit()
    visitor = Visitor(live_server.url)
    visitor.cookies["session"] = new
    assert visitor.get("/api/auth/me").status == 200
    visitor.cookies["session"] = old
    assert visitor.get("/courses").status == 200
    visitor.cookies["session"] = new
    assert visitor.get("/api/auth/me").status == 401
    assert len(_reuses()) == 1
    assert verify().fault is None
