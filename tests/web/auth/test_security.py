"""The security page: setting factors up, removing them, what a change does, who must have one."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from app.clock import shifted, utcnow
from app.database import db
from app.domain.accounts import second_factor, sessions
from app.domain.accounts.clients import ClientInfo
from app.domain.accounts.models import Passkey, Role, User
from app.domain.audit.actions import Action
from app.domain.audit.models import AuditEvent
from app.domain.outbox.models import Mail
from tests import factories
from tests.support import html
from tests.support.apps import made_app
from tests.support.client import CheckedClient, session_cookie_name, sign_in
from tests.support.factors import add_app, add_codes, add_key, code_of

ClientOf = Callable[[User], CheckedClient]
PAGE = "/account/security"
SET_UP = "/account/security/totp"
CODES = "/account/security/recovery-codes"


@pytest.fixture
def mine(client_of: ClientOf, learner: User) -> CheckedClient:
    """`learner`'s browser, just signed in."""
    return client_of(learner)


def _secret(client: CheckedClient) -> str:
    answer = client.post_form(f"{SET_UP}/begin", page=PAGE)
    assert answer.headers["Location"] == SET_UP
    shown = html.parse(client.get(SET_UP).text).select_one("[data-secret]")
    assert shown is not None
    return shown.text.replace(" ", "")


def _cookie(client: CheckedClient) -> str:
    cookie = client.get_cookie(session_cookie_name(client))
    assert cookie is not None
    return cookie.value


def _mails() -> list[str]:
    mails = db.session.query(Mail).filter_by(template="second_factor_changed")
    return [mail.context["what"] for mail in mails.order_by(Mail.created_at)]


def _set_up(client: CheckedClient) -> str:
    secret = _secret(client)
    answer = client.post_form(SET_UP, {"code": code_of(secret)})
    assert answer.headers["Location"] == CODES
    return secret


def test_code_sets_the_app_up(mine: CheckedClient, learner: User) -> None:
    before = _cookie(mine)
    _set_up(mine)
    assert _cookie(mine) != before
    db.session.refresh(learner)
    assert learner.second_factor_added_at is not None
    assert _mails() == ["An authenticator app was set up."]
    actions = [event.action for event in db.session.query(AuditEvent).order_by(AuditEvent.id)]
    assert actions == [Action.SECOND_FACTOR_ADDED, Action.RECOVERY_CODES_MADE]
    person = sessions.find_signed_in(_cookie(mine))
    assert person is not None
    assert person.second_factor_at is not None


def test_picture_holds_what_is_written(mine: CheckedClient, learner: User) -> None:
    _secret(mine)
    page = html.parse(mine.get(SET_UP).text)
    assert str(page.select_one("img.qr-code")["src"]).startswith("data:image/svg+xml")
    assert str(page.select_one('a[href^="otpauth://totp/"]')["href"]).count("secret=") == 1


def test_wrong_code_keeps_the_secret(mine: CheckedClient) -> None:
    secret = _secret(mine)
    answer = mine.post_form(SET_UP, {"code": "12345"})
    assert answer.status_code == 422
    page = html.parse(answer.text)
    assert page.select_one("[data-secret]").text.replace(" ", "") == secret
    assert page.find("input", attrs={"name": "code"})["aria-invalid"] == "true"


def test_each_begin_makes_another_secret(mine: CheckedClient) -> None:
    """One that somebody saw an hour ago must not become mine."""
    assert _secret(mine) != _secret(mine)


def test_secret_opens_in_its_own_session_only(
    mine: CheckedClient, client_of: ClientOf, outsider: User
) -> None:
    _secret(mine)
    form = mine.get_cookie("form")
    assert form is not None
    other = client_of(outsider)
    other.set_cookie("form", form.value)
    assert other.get(SET_UP).headers["Location"] == PAGE


def test_codes_are_shown_once(mine: CheckedClient, learner: User) -> None:
    _set_up(mine)
    shown = [code.text for code in html.parse(mine.get(CODES).text).select(".recovery-codes code")]
    assert len(shown) == 10
    assert second_factor.check(learner, shown[3])
    again = mine.get(CODES)
    assert again.headers["Location"] == PAGE
    assert "9 codes left" in mine.get(PAGE).text


def test_codes_never_stand_in_a_cookie_in_the_clear(mine: CheckedClient) -> None:
    _set_up(mine)
    form = mine.get_cookie("form")
    assert form is not None
    interface = mine.application.session_interface
    kept = interface.get_signing_serializer(mine.application).loads(form.value)
    shown = html.parse(mine.get(CODES).text).select(".recovery-codes code")
    assert not [code for code in shown if code.text in str(kept)]


def test_new_codes_replace_the_older(mine: CheckedClient, learner: User) -> None:
    add_app(learner)
    old = add_codes(learner)
    assert mine.post_form(CODES, page=PAGE).headers["Location"] == CODES
    new = [code.text for code in html.parse(mine.get(CODES).text).select(".recovery-codes code")]
    assert not second_factor.check(learner, old[0])
    assert second_factor.check(learner, new[0])
    assert _mails() == ["New recovery codes were made. The older ones no longer work."]


def test_first_factor_ends_the_other_sign_ins(mine: CheckedClient, learner: User) -> None:
    other = sessions.start(learner, ClientInfo("203.0.113.1", "Other"))
    db.session.commit()
    _set_up(mine)
    assert sessions.find_signed_in(other) is None
    assert "1 other device was signed out" in mine.get(CODES).text
    assert mine.get("/api/auth/me").status_code == 200


def test_app_is_removed(mine: CheckedClient, learner: User) -> None:
    add_app(learner)
    add_codes(learner)
    assert mine.post_form(f"{SET_UP}/remove", page=PAGE).status_code == 303
    assert second_factor.factors_of(learner.id) == second_factor.Factors(None, [], 0)
    assert mine.post_form(f"{SET_UP}/remove", page=PAGE).status_code == 303
    assert _mails() == ["The authenticator app was removed."]


def _key(user: User) -> Passkey:
    return db.session.query(Passkey).filter_by(user_id=user.id).one()


def test_passkey_is_renamed_and_removed(mine: CheckedClient, learner: User) -> None:
    add_key(learner)
    path = f"/account/security/passkeys/{_key(learner).id}"
    mine.post_form(f"{path}/rename", {"name": "<b>Blue</b> key"}, page=PAGE)
    assert "&lt;b&gt;Blue&lt;/b&gt; key" in mine.get(PAGE).text
    mine.post_form(f"{path}/rename", {"name": " "}, page=PAGE)
    assert "Give the passkey a name" in mine.get(PAGE).text
    mine.post_form(f"{path}/remove", page=PAGE)
    assert second_factor.factors_of(learner.id).is_empty
    assert _mails() == ["A passkey was removed."]


def test_somebody_elses_passkey_is_out_of_reach(
    mine: CheckedClient, learner: User, outsider: User
) -> None:
    add_key(outsider)
    path = f"/account/security/passkeys/{_key(outsider).id}"
    assert mine.post_form(f"{path}/rename", {"name": "Mine"}, page=PAGE).status_code == 404
    assert mine.post_form(f"{path}/remove", page=PAGE).status_code == 303
    assert mine.delete(f"/api/auth/passkeys/{_key(outsider).id}").status_code == 404
    assert _key(outsider).name == "Test key"


@pytest.mark.parametrize(
    "path",
    [f"{SET_UP}/begin", f"{SET_UP}/remove", CODES, "/account/security/passkeys/{key}/remove"],
)
def test_change_needs_a_recent_proof(mine: CheckedClient, learner: User, path: str) -> None:
    add_app(learner)
    add_key(learner)
    address = path.format(key=_key(learner).id)
    with shifted(timedelta(minutes=16)):
        answer = mine.post_form(address, page=PAGE)
        assert "/account/confirm" in answer.headers.get("Location", "")
    assert len(second_factor.factors_of(learner.id).passkeys) == 1
    assert _mails() == []


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/auth/totp", {}),
        ("POST", "/api/auth/totp/confirm", {"code": "123456"}),
        ("DELETE", "/api/auth/totp", None),
        ("POST", "/api/auth/recovery-codes", {}),
        ("POST", "/api/auth/passkeys/options", {}),
        ("POST", "/api/auth/passkeys", {"credential": {}}),
        ("DELETE", "/api/auth/passkeys/{key}", None),
    ],
)
def test_program_needs_a_recent_proof(
    mine: CheckedClient, learner: User, method: str, path: str, body: Any
) -> None:
    add_app(learner)
    add_key(learner)
    with shifted(timedelta(minutes=16)):
        answer = mine.open(path.format(key=_key(learner).id), method=method, json=body)
    assert (answer.status_code, answer.get_json()["code"]) == (403, "CONFIRMATION_REQUIRED")


def test_program_sets_an_app_up(mine: CheckedClient, learner: User) -> None:
    secret = mine.post("/api/auth/totp", json={}).get_json()["secret"]
    wrong = mine.post("/api/auth/totp/confirm", json={"code": "x"})
    assert wrong.get_json()["errors"][0]["field"] == "code"
    answer = mine.post("/api/auth/totp/confirm", json={"code": code_of(secret)})
    assert len(answer.get_json()["recovery_codes"]) == 10
    found = mine.get("/api/auth/second-factor").get_json()
    assert found == {"totp": True, "passkeys": [], "recovery_codes_left": 10}
    codes = mine.post("/api/auth/recovery-codes", json={}).get_json()["recovery_codes"]
    assert second_factor.check(learner, codes[0])
    assert mine.delete("/api/auth/totp").status_code == 204
    assert mine.delete("/api/auth/totp").status_code == 404
    assert mine.post("/api/auth/recovery-codes", json={}).status_code == 404


@pytest.fixture
def strict(environment: dict[str, str], committed_database: str) -> Iterator[Flask]:
    """A site whose staff must have a second factor."""
    values = {**environment, "DATABASE_URL": committed_database, "REQUIRE_MFA": "staff"}
    with made_app(values) as app, app.app_context():
        yield app


def _client(app: Flask, user: User) -> CheckedClient:
    client = app.test_client()
    assert isinstance(client, CheckedClient)
    sign_in(client, user)
    return client


def test_staff_without_a_factor_reach_only_its_set_up(strict: Flask) -> None:
    client = _client(strict, factories.make_user(Role.ADMIN, email_verified_at=utcnow()))
    for path in ("/admin", "/dashboard", "/account", "/account/api-keys", "/account/sessions"):
        assert client.get(path).headers.get("Location") == PAGE, path
    for path in ("/api/auth/sessions", "/api/admin/courses", "/api/courses/enrolled"):
        answer = client.get(path)
        expected = (403, "SECOND_FACTOR_SETUP_REQUIRED")
        assert (answer.status_code, answer.get_json()["code"]) == expected, path
    assert "Your role needs a second factor" in client.get(PAGE).text
    assert client.get("/account/confirm").status_code == 200
    _set_up(client)
    assert client.get("/admin").status_code == 200
    answer = client.post_form(f"{SET_UP}/remove", page=PAGE)
    assert answer.headers["Location"] == PAGE
    assert "needs a second factor" in client.get(PAGE).text
    assert client.get("/admin").status_code == 200
    assert client.post_form("/auth/sign-out", page=PAGE).headers["Location"] == "/"


def test_staff_without_a_factor_may_sign_out(strict: Flask) -> None:
    client = _client(strict, factories.make_user(Role.SUPPORT))
    assert client.post_form("/auth/sign-out", page=PAGE).headers["Location"] == "/"
    assert client.get("/api/auth/me").status_code == 401


def test_learners_are_left_alone(strict: Flask) -> None:
    client = _client(strict, factories.make_user())
    assert client.get("/dashboard").status_code == 200


def test_promotion_asks_for_a_factor_at_the_next_request(strict: Flask) -> None:
    user = factories.make_user()
    client = _client(strict, user)
    assert client.get("/dashboard").status_code == 200
    user.role = Role.SUPPORT
    db.session.commit()
    assert client.get("/dashboard").headers["Location"] == PAGE
