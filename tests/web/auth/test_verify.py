"""Verifying an address: what is mailed after signing up, and what its link does and does not."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from app.clock import shifted
from app.database import db
from app.domain.accounts.models import User
from app.domain.accounts.users import find_by_email
from app.domain.audit.models import AuditEvent
from tests import factories
from tests.support import html, letters
from tests.support.client import CheckedClient

ClientOf = Callable[[User], CheckedClient]
NEW = {"name": "Nia New", "email": "nia@example.com", "password": factories.PASSWORD}


def _sign_up(client: CheckedClient, **values: str) -> str:
    client.post_form("/auth/sign-up", {**NEW, **values})
    return letters.newest_path(values.get("email", NEW["email"]), "verify_email")


def _user(email: str = NEW["email"]) -> User:
    db.session.expire_all()
    user = find_by_email(email)
    assert user is not None
    return user


def test_new_person_is_mailed_a_link_and_opening_it_changes_nothing(client: CheckedClient) -> None:
    path = _sign_up(client)
    for _ in range(2):  # a mail scanner, then a person
        page = client.get(path)
        assert page.status_code == 200
        assert NEW["email"] in page.text
        assert _user().email_verified_at is None


def test_pressing_the_button_verifies_once(client: CheckedClient) -> None:
    path = _sign_up(client)
    done = client.post_form(path)
    assert (done.status_code, done.headers["Location"]) == (303, "/auth/sign-in")
    assert "address is confirmed" in client.get("/auth/sign-in").text
    assert _user().email_verified_at is not None
    again = client.get(path)
    assert again.status_code == 410
    assert "link is over" in again.text
    noted = db.session.query(AuditEvent).filter_by(subject_id=_user().id)
    assert [event.action for event in noted.order_by(AuditEvent.id)] == [
        "account.signed_up",
        "account.email_verified",
    ]


def test_known_address_is_told_by_mail_that_it_has_an_account(client: CheckedClient) -> None:
    user = factories.make_user(email=NEW["email"], name="Nia Known")
    client.post_form("/auth/sign-up", NEW)
    [mail] = letters.mails(NEW["email"])
    assert mail.template == "already_registered"
    assert letters.path_in(mail, "reset_link") == "/auth/reset"
    assert _user().id == user.id
    assert _user().name == "Nia Known"


def test_suspended_account_is_not_written_to(client: CheckedClient) -> None:
    factories.make_user(email=NEW["email"], status="suspended")
    client.post_form("/auth/sign-up", NEW)
    assert letters.mails(NEW["email"]) == []


def test_link_is_over_after_three_days(client: CheckedClient) -> None:
    path = _sign_up(client)
    with shifted(timedelta(days=3, minutes=1)):
        assert client.get(path).status_code == 410
        token = html.csrf_token(client.get("/auth/sign-in").text)
        assert client.post(path, data={"csrf_token": token}).status_code == 410
    assert _user().email_verified_at is None


def test_link_goes_with_the_address_it_was_sent_to(client: CheckedClient) -> None:
    path = _sign_up(client)
    _user().email = "elsewhere@example.com"
    db.session.commit()
    assert client.get(path).status_code == 410
    assert client.post("/api/auth/verify", json={"token": path.split("/")[-1]}).status_code == 410


def test_link_of_a_suspended_person_is_over(client: CheckedClient) -> None:
    path = _sign_up(client)
    _user().status = "suspended"  # type: ignore[assignment]
    db.session.commit()
    assert client.get(path).status_code == 410
    answer = client.post("/api/auth/verify", json={"token": path.split("/")[-1]})
    assert (answer.status_code, answer.get_json()["code"]) == (410, "LINK_INVALID")
    assert _user().email_verified_at is None


def test_account_says_so_and_sends_another_link(client_of: ClientOf, learner: User) -> None:
    client = client_of(learner)
    assert "is not confirmed" in client.get("/account").text
    sent = client.post_form("/auth/verify/resend", page="/account")
    assert (sent.status_code, sent.headers["Location"]) == (303, "/account")
    first = letters.newest_path(learner.email, "verify_email")
    client.post_form("/auth/verify/resend", page="/account")
    second = letters.newest_path(learner.email, "verify_email")
    assert client.get(first).status_code == 410, "a newer link replaces the older"
    done = client.post_form(second)
    assert done.headers["Location"] == "/account"
    assert "is not confirmed" not in client.get("/account").text
    client.post("/api/auth/verify/resend", json={})
    assert len(letters.mails(learner.email)) == 2, "who is verified gets no further link"


def test_sending_again_has_a_limit(client_of: ClientOf, learner: User) -> None:
    client = client_of(learner)
    for _ in range(10):
        assert client.post("/api/auth/verify/resend", json={}).status_code == 202
    refused = client.post("/api/auth/verify/resend", json={})
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 0
    assert len(letters.mails(learner.email, "verify_email")) == 10


def test_program_verifies_by_the_token(client: CheckedClient) -> None:
    token = _sign_up(client).split("/")[-1]
    assert client.post("/api/auth/verify", json={"token": token}).status_code == 204
    assert _user().email_verified_at is not None
    again = client.post("/api/auth/verify", json={"token": token})
    assert (again.status_code, again.get_json()["code"]) == (410, "LINK_INVALID")


@pytest.mark.parametrize("token", ["x", "%00", "a" * 2000, "é"])
def test_noise_is_a_link_that_is_over(client: CheckedClient, token: str) -> None:
    assert client.get(f"/auth/verify/{token}").status_code == 410
