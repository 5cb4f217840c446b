"""The second step of signing in: page and JSON, codes and passkeys, limits, and where it leads."""

from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.clock import shifted, utcnow
from app.database import db
from app.domain.accounts import sessions
from app.domain.accounts.models import LoginSession, User, UserStatus
from app.domain.audit.actions import Action
from app.domain.audit.models import AuditEvent
from app.domain.outbox.models import Mail
from tests import factories
from tests.factories import PASSWORD
from tests.support import html
from tests.support.client import CheckedClient
from tests.support.factors import add_app, add_codes, add_key, code_of

PAGE = "/auth/second-factor"
LOGIN = "/api/auth/login"
WRONG = "000000 is wrong"


@pytest.fixture
def member() -> User:
    """Somebody with a password whose first sign-in is long ago."""
    return factories.make_user(
        email="member@example.com", password=PASSWORD, email_verified_at=utcnow()
    )


@pytest.fixture
def secret(member: User) -> str:
    """What `member`'s authenticator app knows."""
    return add_app(member)


def _password(client: CheckedClient, **fields: str) -> Any:
    data = {"email": "member@example.com", "password": PASSWORD, **fields}
    return client.post_form("/auth/sign-in", data)


def _is_in(client: FlaskClient) -> bool:
    return bool(client.get("/api/auth/me").status_code == 200)


def _actions(user: User) -> list[str]:
    events = db.session.query(AuditEvent).filter_by(subject_id=user.id).order_by(AuditEvent.id)
    return [event.action for event in events]


def test_password_alone_leads_to_the_second_step(
    client: CheckedClient, member: User, secret: str
) -> None:
    answer = _password(client, next="/courses?q=loom")
    assert answer.status_code == 303
    assert answer.headers["Location"] == f"{PAGE}?next=/courses?q%3Dloom"
    assert not _is_in(client)
    assert sessions.list_live(member.id) == []


def test_code_lets_in_and_leads_where_the_person_was_going(
    client: CheckedClient, member: User, secret: str
) -> None:
    page = client.get(_password(client, next="/courses?q=loom").headers["Location"])
    field = html.parse(page.text).find("input", attrs={"name": "next"})
    assert field["value"] == "/courses?q=loom"
    answer = client.post_form(PAGE, {"code": code_of(secret), "next": field["value"]})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/courses?q=loom")
    assert _is_in(client)
    row = db.session.query(LoginSession).filter_by(user_id=member.id).one()
    assert row.second_factor_at is not None


def test_recovery_code_lets_in_and_is_told(
    client: CheckedClient, member: User, secret: str
) -> None:
    code = add_codes(member)[0]
    _password(client)
    assert client.post_form(PAGE, {"code": code.lower()}).status_code == 303
    assert _is_in(client)
    assert Action.RECOVERY_CODE_USED in _actions(member)
    mail = db.session.query(Mail).filter_by(template="second_factor_changed").one()
    assert mail.context["what"] == "A recovery code was used to sign in."


def test_wrong_code_is_named_at_its_field(client: CheckedClient, secret: str) -> None:
    _password(client)
    answer = client.post_form(PAGE, {"code": WRONG})
    assert answer.status_code == 422
    field = html.parse(answer.text).find("input", attrs={"name": "code"})
    assert field["aria-invalid"] == "true"
    assert not field.get("value")
    assert not _is_in(client)


def test_second_click_on_a_code_that_let_in_does_no_harm(
    client: CheckedClient, secret: str
) -> None:
    _password(client)
    token = html.csrf_token(client.get(PAGE).text)
    data = {"code": code_of(secret), "csrf_token": token}
    assert client.post(PAGE, data=data).status_code == 303
    assert client.get(PAGE).status_code == 303
    assert _is_in(client)


def test_page_without_a_password_before_leads_to_the_sign_in(client: CheckedClient) -> None:
    answer = client.get(PAGE, query_string={"next": "/courses"})
    assert answer.headers["Location"] == "/auth/sign-in?next=/courses"
    answer = client.get(PAGE, query_string={"next": "//evil.example"})
    assert answer.headers["Location"] == "/auth/sign-in"


def test_step_ends_after_ten_minutes(client: CheckedClient, secret: str) -> None:
    _password(client)
    assert client.get(PAGE).status_code == 200
    with shifted(timedelta(minutes=11)):
        answer = client.get(PAGE)
        assert answer.headers["Location"] == "/auth/sign-in"
        assert "took too long" in client.get("/auth/sign-in").text


def test_step_ends_with_a_change_of_password(
    client: CheckedClient, member: User, secret: str
) -> None:
    _password(client)
    member.password_hash = "$argon2id$another"
    db.session.commit()
    assert client.get(PAGE).status_code == 303


def test_step_ends_with_a_suspension(client: CheckedClient, member: User, secret: str) -> None:
    _password(client)
    token = html.csrf_token(client.get(PAGE).text)
    member.status = UserStatus.SUSPENDED
    db.session.commit()
    answer = client.post(PAGE, data={"code": code_of(secret), "csrf_token": token})
    assert answer.headers["Location"] == "/auth/sign-in"
    assert not _is_in(client)


def test_fifth_wrong_code_is_the_last(client: CheckedClient, member: User, secret: str) -> None:
    _password(client)
    assert [client.post_form(PAGE, {"code": WRONG}).status_code for _ in range(4)] == [422] * 4
    assert client.post_form(PAGE, {"code": WRONG}).status_code == 303
    _password(client)
    token = html.csrf_token(client.get(PAGE).text)
    refused = client.post(PAGE, data={"code": code_of(secret), "csrf_token": token})
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["Retry-After"]) <= 301
    assert _actions(member).count(Action.SECOND_FACTOR_REFUSED) == 5


def test_right_codes_are_never_counted(client: CheckedClient, member: User, secret: str) -> None:
    for minutes in range(8):
        with shifted(timedelta(minutes=minutes)):
            _password(client)
            assert client.post_form(PAGE, {"code": code_of(secret)}).status_code == 303
            assert client.post_form("/auth/sign-out", page="/dashboard").status_code == 303


def _login(client: CheckedClient, **body: Any) -> Any:
    return client.post(LOGIN, json={"email": "member@example.com", "password": PASSWORD, **body})


def test_program_is_told_that_a_code_is_missing(
    client: CheckedClient, member: User, secret: str
) -> None:
    answer = _login(client)
    assert (answer.status_code, answer.get_json()["code"]) == (401, "SECOND_FACTOR_REQUIRED")
    assert not _is_in(client)


def test_program_without_the_password_learns_nothing(client: CheckedClient, secret: str) -> None:
    answers = [
        _login(client, password="not-the-password", code=code_of(secret)),
        _login(client, email="nobody@example.com", code=code_of(secret)),
        _login(client, email="nobody@example.com"),
    ]
    assert {answer.get_json()["code"] for answer in answers} == {"INVALID_CREDENTIALS"}
    assert len({len(answer.data) for answer in answers}) == 1


def test_program_signs_in_with_a_code(client: CheckedClient, member: User, secret: str) -> None:
    wrong = _login(client, code="123")
    assert (wrong.status_code, wrong.get_json()["code"]) == (401, "INVALID_CREDENTIALS")
    assert _login(client, code=code_of(secret)).status_code == 200
    assert _is_in(client)


def test_program_signs_in_with_a_recovery_code(
    client: CheckedClient, member: User, secret: str
) -> None:
    code = add_codes(member)[0]
    assert _login(client, code=code).status_code == 200
    assert _login(client, code=code).status_code == 401


def test_program_and_page_share_the_limit(client: CheckedClient, member: User, secret: str) -> None:
    for _ in range(5):
        assert _login(client, code=WRONG).status_code == 401
    assert _login(client, code=code_of(secret)).status_code == 429


def test_who_has_only_a_passkey_is_asked_for_it(client: CheckedClient, member: User) -> None:
    add_key(member)
    _password(client)
    page = html.parse(client.get(PAGE).text)
    assert page.select_one('[data-passkey-act="second-step"]') is not None
    assert _login(client).get_json()["code"] == "SECOND_FACTOR_REQUIRED"


@pytest.fixture
def seen_before(client: CheckedClient, member: User) -> None:
    """`member` has signed in once, with Firefox on Linux at 203.0.113.7."""
    _sign_in_from(client, "203.0.113.7", "Mozilla/5.0 (X11; Linux) Firefox/130.0")


def _sign_in_from(client: CheckedClient, address: str, agent: str) -> None:
    answer = client.post(
        LOGIN,
        json={"email": "member@example.com", "password": PASSWORD},
        headers={"User-Agent": agent},
        environ_overrides={"REMOTE_ADDR": address},
    )
    assert answer.status_code == 200


def _new_device_mails() -> int:
    return db.session.query(Mail).filter_by(template="new_device").count()


def test_first_sign_in_is_no_news(seen_before: None) -> None:
    assert _new_device_mails() == 0


@pytest.mark.parametrize(
    ("address", "agent", "mails"),
    [
        ("203.0.113.99", "Mozilla/5.0 (Windows NT 10.0) Edg/120", 0),
        ("198.51.100.1", "Mozilla/5.0 (X11; Linux) Firefox/131.0", 0),
        ("198.51.100.1", "Mozilla/5.0 (Windows NT 10.0) Edg/120", 1),
    ],
    ids=["known network", "known device", "neither"],
)
def test_sign_in_from_elsewhere_is_mailed(
    client: CheckedClient, seen_before: None, address: str, agent: str, mails: int
) -> None:
    _sign_in_from(client, address, agent)
    assert _new_device_mails() == mails


def test_mail_tells_after_sessions_are_forgotten(
    client: CheckedClient, seen_before: None, member: User
) -> None:
    db.session.query(LoginSession).filter_by(user_id=member.id).delete()
    db.session.commit()
    _sign_in_from(client, "198.51.100.1", "Mozilla/5.0 (Windows NT 10.0) Edg/120")
    mail = db.session.query(Mail).filter_by(template="new_device").one()
    assert mail.to_email == "member@example.com"
    assert mail.context["device"] == "Edge on Windows"
    assert mail.context["network"] == "198.51.100.0/24"
    assert mail.context["sessions_link"] == "http://localhost/account/sessions"


def test_every_way_in_and_out_is_in_the_trail(
    client: CheckedClient, member: User, secret: str
) -> None:
    _login(client, password="not-the-password")
    _login(client, code=WRONG)
    _login(client, code=code_of(secret))
    client.post("/api/auth/logout")
    assert _actions(member) == [
        Action.SIGN_IN_REFUSED,
        Action.SECOND_FACTOR_REFUSED,
        Action.SIGNED_IN,
        Action.SIGNED_OUT,
    ]
    started = db.session.query(AuditEvent).filter_by(action=Action.SIGNED_IN.value).one()
    assert started.detail == {"by": "totp"}
    assert started.actor_id == member.id


def test_right_codes_buy_no_further_guesses(
    client: CheckedClient, member: User, secret: str
) -> None:
    for minutes in range(5):
        with shifted(timedelta(minutes=minutes)):
            assert _login(client, code=code_of(secret)).status_code == 200
            assert _login(client, code=WRONG).status_code == 401
    with shifted(timedelta(minutes=5)):
        assert _login(client, code=code_of(secret)).status_code == 429
