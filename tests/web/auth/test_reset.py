"""The forgotten password: the link, what it sets, and what ends with it."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from app.clock import shifted, utcnow
from app.database import db
from app.domain.accounts import one_time, sessions
from app.domain.accounts.clients import ClientInfo
from app.domain.accounts.models import (
    ApiKey,
    LoginSession,
    Passkey,
    RecoveryCode,
    SessionKind,
    TokenPurpose,
    User,
    UserStatus,
)
from app.domain.accounts.passwords import verify_password
from app.domain.audit.models import AuditEvent
from tests import factories
from tests.support import html, letters, player
from tests.support.client import CheckedClient

ClientOf = Callable[[User], CheckedClient]
FRESH = "a-fresh-long-password-9"


@pytest.fixture
def person() -> User:
    """Somebody verified, with a password."""
    return factories.make_user(
        password=factories.PASSWORD, email="pia@example.com", email_verified_at=utcnow()
    )


def _ask(client: CheckedClient, user: User) -> str:
    assert client.post_form("/auth/reset", {"email": user.email}).status_code == 303
    return letters.newest_path(user.email, "reset_password")


def _knows(user: User, password: str) -> bool:
    db.session.expire_all()
    return verify_password(db.session.get_one(User, user.id).password_hash, password)


def test_person_sets_a_new_password_by_the_link(client: CheckedClient, person: User) -> None:
    asked = client.post_form("/auth/reset", {"email": " PIA@example.com "})
    assert asked.headers["Location"] == "/auth/sign-in"
    assert "a mail with a link is on its way" in client.get("/auth/sign-in").text
    path = letters.newest_path(person.email, "reset_password")
    page = client.get(path)
    assert html.parse(page.text).find(id="account")["value"] == person.email
    done = client.post_form(path, {"password": FRESH})
    assert (done.status_code, done.headers["Location"]) == (303, "/auth/sign-in")
    assert _knows(person, FRESH)
    assert client.get(path).status_code == 410
    body = {"email": person.email, "password": FRESH}
    assert client.post("/api/auth/login", json=body).status_code == 200
    [mail] = letters.mails(person.email, "password_changed")
    assert set(mail.context) >= {"name", "reset_link", "when", "device"}
    actions = [event.action for event in db.session.query(AuditEvent).order_by(AuditEvent.id)]
    assert actions[:2] == ["password.reset_requested", "password.reset"]


def test_every_sign_in_and_stream_ends(
    client_of: ClientOf, enrolled: User, video_lesson: object, client: CheckedClient
) -> None:
    first, second = client_of(enrolled), client_of(enrolled)
    stream = player.start(first, video_lesson).open()  # type: ignore[arg-type]
    beat = f"/api/playback/sessions/{stream.session_id}/heartbeat"
    client.post_form(_ask(client, enrolled), {"password": FRESH})
    for other in (first, second):
        assert other.get("/api/auth/me").status_code == 401
    answer = first.post(beat, json={"position_seconds": 1.0, "watched": []})
    assert answer.status_code == 401
    assert first.get(stream.addresses["segment"]).status_code == 401


def test_keys_and_other_links_end_too(client: CheckedClient, person: User) -> None:
    row = LoginSession(
        token_hash=b"k" * 32,
        user_id=person.id,
        kind=SessionKind.API_KEY,
        expires_at=utcnow() + timedelta(days=9),
    )
    db.session.add(row)
    db.session.flush()
    key = ApiKey(
        user_id=person.id,
        login_session_id=row.id,
        name="Key",
        secret_hash=b"s",
        scopes=[],
        expires_at=row.expires_at,
    )
    db.session.add(key)
    change = {"new_email": "x@example.com", "change": "1"}
    moving = one_time.issue(person.id, TokenPurpose.CHANGE_EMAIL_NEW, timedelta(days=1), change)
    db.session.commit()
    client.post_form(_ask(client, person), {"password": FRESH})
    db.session.expire_all()
    assert row.revoked_at is not None
    assert key.revoked_at is not None
    assert one_time.find_open(moving, TokenPurpose.CHANGE_EMAIL_NEW) is None


def test_link_proves_the_address(client: CheckedClient, person: User) -> None:
    person.email_verified_at = None
    db.session.commit()
    client.post_form(_ask(client, person), {"password": FRESH})
    db.session.expire_all()
    assert person.email_verified_at is not None


@pytest.mark.parametrize("is_verified", [True, False])
def test_what_a_stranger_added_before_the_address_was_proved_goes(
    client: CheckedClient, person: User, is_verified: bool
) -> None:
    """Who signs up with somebody else's address must not keep a passkey in their account."""
    person.email_verified_at = utcnow() if is_verified else None
    person.second_factor_added_at = utcnow()
    db.session.add(Passkey(user_id=person.id, credential_id=b"c", public_key=b"p", name="Mine"))
    db.session.add(RecoveryCode(user_id=person.id, code_hash=b"h"))
    db.session.commit()
    client.post_form(_ask(client, person), {"password": FRESH})
    db.session.expire_all()
    left = db.session.query(Passkey).count(), db.session.query(RecoveryCode).count()
    assert left == ((1, 1) if is_verified else (0, 0))
    assert (person.second_factor_added_at is not None) == is_verified


def test_weak_password_is_refused_and_the_link_stays_good(
    client: CheckedClient, person: User
) -> None:
    path = _ask(client, person)
    for password in ("short", "", "pia@example.com!"):
        page = client.post_form(path, {"password": password})
        assert page.status_code == 422
        field = html.parse(page.text).find("input", attrs={"name": "password"})
        assert field["aria-invalid"] == "true"
    assert not _knows(person, "short")
    assert client.post_form(path, {"password": FRESH}).status_code == 303


def test_only_the_newest_link_works_and_for_half_an_hour(
    client: CheckedClient, person: User
) -> None:
    first, second = _ask(client, person), _ask(client, person)
    assert client.get(first).status_code == 410
    assert client.get(second).status_code == 200
    with shifted(timedelta(minutes=30, seconds=1)):
        assert client.get(second).status_code == 410
        body = {"token": second.split("/")[-1], "password": FRESH}
        answer = client.post("/api/auth/reset/confirm", json=body)
        assert (answer.status_code, answer.get_json()["code"]) == (410, "LINK_INVALID")
    assert _knows(person, factories.PASSWORD)


def test_suspension_after_the_mail_makes_its_link_worthless(
    client: CheckedClient, person: User
) -> None:
    path = _ask(client, person)
    person.status = UserStatus.SUSPENDED
    db.session.commit()
    assert client.get(path).status_code == 410
    body = {"token": path.split("/")[-1], "password": FRESH}
    assert client.post("/api/auth/reset/confirm", json=body).status_code == 410
    assert not _knows(person, FRESH)


def test_program_asks_and_sets(client: CheckedClient, person: User) -> None:
    asked = client.post("/api/auth/reset", json={"email": person.email})
    assert asked.status_code == 202
    token = letters.newest_path(person.email, "reset_password").split("/")[-1]
    weak = client.post("/api/auth/reset/confirm", json={"token": token, "password": "short"})
    assert weak.get_json()["errors"][0]["field"] == "password"
    body = {"token": token, "password": FRESH}
    assert client.post("/api/auth/reset/confirm", json=body).status_code == 204
    assert client.post("/api/auth/reset/confirm", json=body).status_code == 410
    assert _knows(person, FRESH)


def test_asking_changes_nothing_for_who_is_signed_in(client_of: ClientOf, person: User) -> None:
    mine = client_of(person)
    _ask(mine, person)
    assert mine.get("/api/auth/me").status_code == 200
    assert sessions.start(person, ClientInfo(None)) is not None
