"""Threat 8: who is suspended is out at once, by every path there is, until they are reinstated.

Each path is tried twice: while it was open before the suspension, and anew after it.
"""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask

from app.clock import shifted, utcnow
from app.database import db
from app.domain.accounts import email_change, one_time, sessions, standing
from app.domain.accounts.clients import ClientInfo
from app.domain.accounts.models import LoginSession, Passkey, Role, TokenPurpose, User
from app.domain.courses.models import Lesson
from tests import factories
from tests.factories import PASSWORD
from tests.support import keys, letters, player
from tests.support.client import CheckedClient
from tests.support.factors import add_app, add_codes, add_key, code_of
from tests.support.player import Stream

ClientOf = Callable[[User], CheckedClient]
FRESH = "a-fresh-long-password-9"
LEASE_IS_OVER = timedelta(minutes=2)
PAGES = ("/dashboard", "/account", "/account/sessions", "/account/data", "/admin")
PROGRAMS = ("/api/auth/me", "/api/courses/enrolled", "/api/playback/sessions")


@pytest.fixture
def member() -> User:
    """Somebody with a password and a verified address."""
    return factories.make_user(
        email="sid@example.com", password=PASSWORD, email_verified_at=utcnow()
    )


def _suspend(user: User) -> None:
    assert standing.suspend(factories.make_user(Role.ADMIN), user.id)
    db.session.commit()


def _login(client: CheckedClient, **fields: str) -> int:
    body = {"email": "sid@example.com", "password": PASSWORD, **fields}
    return client.post("/api/auth/login", json=body).status_code


def _live(user: User) -> int:
    db.session.expire_all()
    return db.session.query(LoginSession).filter_by(user_id=user.id, revoked_at=None).count()


def test_cookie_from_before_opens_no_page(client_of: ClientOf, member: User) -> None:
    client = client_of(member)
    assert client.get("/dashboard").status_code == 200
    _suspend(member)
    for path in PAGES:
        answer = client.get(path)
        assert answer.status_code == 303, path
        assert answer.headers["Location"].startswith("/auth/sign-in"), path


@pytest.mark.parametrize("path", PROGRAMS)
def test_cookie_from_before_opens_no_program(client_of: ClientOf, member: User, path: str) -> None:
    client = client_of(member)
    assert client.get(path).status_code == 200
    _suspend(member)
    assert client.get(path).status_code == 401


def test_cookie_from_before_is_no_good_after_the_reinstatement(
    client_of: ClientOf, member: User
) -> None:
    """A thief who held it all along does not come back in with the owner."""
    client = client_of(member)
    _suspend(member)
    standing.reinstate(factories.make_user(Role.ADMIN), member.id)
    db.session.commit()
    assert client.get("/api/auth/me").status_code == 401


def test_sign_in_that_began_in_the_very_moment_is_no_good_later(member: User) -> None:
    """The password was checked before the suspension, the session added after it."""
    _suspend(member)
    token = sessions.start(member, ClientInfo(ip=None))
    assert sessions.find_signed_in(token) is None
    standing.reinstate(factories.make_user(Role.ADMIN), member.id)
    assert sessions.find_signed_in(token) is None


def test_right_password_is_answered_like_a_wrong_one(client: CheckedClient, member: User) -> None:
    assert _login(client) == 200
    _suspend(member)
    client.delete_cookie("session")
    right, wrong = [
        client.post("/api/auth/login", json={"email": member.email, "password": password})
        for password in (PASSWORD, "wrong-wrong-wrong")
    ]
    assert right.status_code == wrong.status_code == 401
    said = [{**a.get_json(), "request_id": ""} for a in (right, wrong)]
    assert said[0] == said[1]
    form = {"email": member.email, "password": PASSWORD}
    assert client.post_form("/auth/sign-in", form).status_code == 422
    assert _live(member) == 0


@pytest.mark.parametrize("means", ["app", "recovery code"])
def test_second_step_begun_before_ends(client: CheckedClient, member: User, means: str) -> None:
    secret = add_app(member)
    code = code_of(secret) if means == "app" else add_codes(member)[0]
    form = {"email": member.email, "password": PASSWORD}
    assert client.post_form("/auth/sign-in", form).status_code == 303
    page = client.get("/auth/second-factor")
    assert page.status_code == 200
    _suspend(member)
    client.post_form("/auth/second-factor", {"code": code}, page="/auth/sign-in")
    assert client.get("/api/auth/me").status_code == 401
    assert _login(client, code=code) == 401
    assert _live(member) == 0


def _passkey_answer(client: CheckedClient, key: object) -> int:
    options = client.post("/api/auth/passkeys/sign-in/options", json={"second_step": False})
    credential = key.get(options.get_json()["options"])  # type: ignore[attr-defined]
    answer = client.post("/api/auth/passkeys/sign-in", json={"credential": credential})
    return answer.status_code


def test_passkey_lets_nobody_in(client: CheckedClient, member: User) -> None:
    key = add_key(member)
    assert _passkey_answer(client, key) == 200
    client.delete_cookie("session")
    _suspend(member)
    assert _passkey_answer(client, key) == 401
    assert client.get("/api/auth/me").status_code == 401
    assert db.session.query(Passkey).filter_by(user_id=member.id).count() == 1, "it is kept"


def test_api_key_is_refused_for_good(app: Flask, member: User) -> None:
    program = keys.client_with(app, keys.make_key(member))
    assert program.get("/api/auth/me").status_code == 200
    _suspend(member)
    assert program.get("/api/auth/me").status_code == 401
    standing.reinstate(factories.make_user(Role.ADMIN), member.id)
    db.session.commit()
    assert program.get("/api/auth/me").status_code == 401


def test_reset_link_from_before_sets_nothing(client: CheckedClient, member: User) -> None:
    client.post_form("/auth/reset", {"email": member.email})
    path = letters.newest_path(member.email, "reset_password")
    assert client.get(path).status_code == 200
    _suspend(member)
    assert client.get(path).status_code == 410
    before = member.password_hash
    answer = client.post_form(path, {"password": FRESH}, page="/auth/sign-in")
    assert answer.status_code == 410
    db.session.expire_all()
    assert db.session.get_one(User, member.id).password_hash == before


def test_no_reset_link_is_mailed_and_nobody_can_tell(client: CheckedClient, member: User) -> None:
    _suspend(member)
    answers = [
        client.post("/api/auth/reset", json={"email": email})
        for email in (member.email, "nobody@example.com")
    ]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].data == answers[1].data
    assert letters.mails(member.email, "reset_password") == []


def test_link_that_verifies_the_address_opens_nothing(client: CheckedClient) -> None:
    user = factories.make_user(email="sid@example.com")
    payload = {"email": user.email}
    token = one_time.issue(user.id, TokenPurpose.VERIFY_EMAIL, timedelta(days=1), payload)
    db.session.commit()
    _suspend(user)
    path = f"/auth/verify/{token}"
    assert client.get(path).status_code == 410
    client.post_form(path, page="/auth/sign-in")
    db.session.expire_all()
    assert db.session.get_one(User, user.id).email_verified_at is None
    assert client.get("/api/auth/me").status_code == 401


def test_link_that_moves_the_address_moves_nothing(client: CheckedClient, member: User) -> None:
    email_change.request(member.id, "elsewhere@example.com")
    db.session.commit()
    new = letters.newest_path("elsewhere@example.com", "email_change_new")
    old = letters.newest_path(member.email, "email_change_old", "confirm_link")
    assert client.get(new).status_code == 200
    _suspend(member)
    for path in (new, old):
        assert client.get(path).status_code == 410
        client.post_form(path, page="/auth/sign-in")
    db.session.expire_all()
    assert db.session.get_one(User, member.id).email == "sid@example.com"


def test_signing_up_again_changes_nothing(client: CheckedClient, member: User) -> None:
    _suspend(member)
    body = {"email": member.email, "password": FRESH, "name": "Sid"}
    assert client.post("/api/auth/register", json=body).status_code == 202
    assert client.post("/api/auth/login", json={**_credentials(FRESH)}).status_code == 401
    assert letters.mails(member.email, "already_registered") == []


def _credentials(password: str) -> dict[str, str]:
    return {"email": "sid@example.com", "password": password}


@pytest.fixture
def stream(client_of: ClientOf, enrolled: User, video_lesson: Lesson) -> Stream:
    """A running stream that has fetched one of everything."""
    return player.start(client_of(enrolled), video_lesson).open()


@pytest.mark.parametrize("name", ["manifest", "variant", "key", "segment"])
def test_stream_that_runs_gets_nothing_more(stream: Stream, enrolled: User, name: str) -> None:
    _suspend(enrolled)
    assert stream.client.get(stream.addresses[name]).status_code == 401


def test_stream_that_runs_ends_within_its_lease(
    stream: Stream, enrolled: User, video_lesson: Lesson
) -> None:
    """No heartbeat renews it and no new token is given, so its lease runs out."""
    assert stream.heartbeat().status_code == 200
    _suspend(enrolled)
    assert stream.heartbeat().status_code == 401
    assert player.request_token(stream.client, video_lesson.id).status_code == 401
    with shifted(LEASE_IS_OVER):
        assert stream.client.get(stream.addresses["segment"]).status_code == 401


def test_stream_of_an_api_key_ends_too(app: Flask, enrolled: User, video_lesson: Lesson) -> None:
    program = keys.client_with(app, keys.make_key(enrolled))
    running = player.start(program, video_lesson)
    assert running.heartbeat().status_code == 200
    _suspend(enrolled)
    assert running.heartbeat().status_code == 401
    assert player.request_token(program, video_lesson.id).status_code == 401
