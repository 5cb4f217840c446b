"""Moving an account to another address: both addresses agree, or nothing happens."""

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask

from app.clock import shifted, utcnow
from app.database import db
from app.domain.accounts import email_change
from app.domain.accounts.models import OneTimeToken, TokenPurpose, User, UserStatus
from app.domain.audit.models import AuditEvent
from app.errors import LinkInvalid
from tests import factories
from tests.support import html, letters
from tests.support.client import CheckedClient

ClientOf = Callable[[User], CheckedClient]
OLD, NEW = "pia@example.com", "pia.new@example.com"


@pytest.fixture
def person() -> User:
    """Somebody whose address is verified."""
    return factories.make_user(email=OLD, name="Pia", email_verified_at=utcnow())


@pytest.fixture
def mine(client_of: ClientOf, person: User) -> CheckedClient:
    """Their browser."""
    return client_of(person)


def _paths() -> tuple[str, str, str]:
    """Return the addresses of the three links: agree at the old one, stop, agree at the new one."""
    return (
        letters.newest_path(OLD, "email_change_old", "confirm_link"),
        letters.newest_path(OLD, "email_change_old", "cancel_link"),
        letters.newest_path(NEW, "email_change_new"),
    )


def _ask(client: CheckedClient, email: str = NEW) -> None:
    asked = client.post_form("/account/email", {"email": email})
    assert (asked.status_code, asked.headers["Location"]) == (303, "/account/email")


def _address(user: User) -> str:
    db.session.expire_all()
    return db.session.get_one(User, user.id).email


@pytest.mark.parametrize("first", [0, 2])
def test_account_moves_when_both_have_agreed(
    mine: CheckedClient, client: CheckedClient, person: User, first: int
) -> None:
    _ask(mine, f" {NEW.upper()} ")
    paths = _paths()
    assert "Waiting" in mine.get("/account/email").text
    for path in (paths[0], paths[2]):
        assert client.get(path).status_code == 200, "opening a link changes nothing"
    assert client.post_form(paths[first]).status_code == 303
    assert _address(person) == OLD
    shown = html.parse(mine.get("/account/email").text).main.get_text(" ", strip=True)
    assert (shown.count("Agreed"), shown.count("Waiting")) == (1, 1)
    assert client.post_form(paths[2 - first]).status_code == 303
    assert _address(person) == NEW
    assert f"now at {NEW}" in client.get("/auth/sign-in").text
    assert {m.to_email for m in letters.mails(template="email_changed")} == {OLD, NEW}
    assert mine.get("/api/auth/me").get_json()["user"]["email"] == NEW
    assert "email.changed" in {event.action for event in db.session.query(AuditEvent)}
    assert client.get(paths[first]).status_code == client.get(paths[1]).status_code == 410


def test_links_to_the_old_address_work_no_more_afterwards(
    mine: CheckedClient, client: CheckedClient
) -> None:
    client.post("/api/auth/reset", json={"email": OLD})
    reset = letters.newest_path(OLD, "reset_password")
    _ask(mine)
    old, _, new = _paths()
    client.post_form(old)
    client.post_form(new)
    assert client.get(reset).status_code == 410


@pytest.mark.parametrize("has_agreed", [False, True])
def test_old_address_stops_it_even_after_agreeing(
    mine: CheckedClient, client: CheckedClient, person: User, has_agreed: bool
) -> None:
    _ask(mine)
    old, stop, new = _paths()
    if has_agreed:
        client.post_form(old)
    assert client.get(stop).status_code == 200
    done = client.post_form(stop)
    assert (done.status_code, done.headers["Location"]) == (303, "/auth/reset")
    assert "somebody may know your password" in client.get("/auth/reset").text
    assert client.get(new).status_code == 410
    assert _address(person) == OLD
    assert "Moving to" not in mine.get("/account/email").text


def test_person_cancels_it(mine: CheckedClient, client: CheckedClient) -> None:
    _ask(mine)
    _, stop, new = _paths()
    assert mine.post_form("/account/email/cancel", page="/account/email").status_code == 303
    assert client.get(new).status_code == client.get(stop).status_code == 410
    _ask(mine)
    assert mine.delete("/api/auth/email").status_code == 204
    assert mine.get("/api/auth/email").get_json()["change"] is None


def test_second_change_replaces_the_first(mine: CheckedClient, client: CheckedClient) -> None:
    _ask(mine)
    first_old, _, first_new = _paths()
    client.post_form(first_old)
    _ask(mine, "third@example.com")
    assert client.get(first_new).status_code == 410
    second = letters.newest_path("third@example.com", "email_change_new")
    client.post_form(second)
    change = mine.get("/api/auth/email").get_json()["change"]
    assert change["new_email"] == "third@example.com"
    agreed = change["is_old_confirmed"], change["is_new_confirmed"]
    assert agreed == (False, True), "what was agreed to was another change"


def test_links_are_over_after_a_day(mine: CheckedClient, client: CheckedClient) -> None:
    _ask(mine)
    with shifted(timedelta(hours=24, seconds=1)):
        assert [client.get(path).status_code for path in _paths()] == [410, 410, 410]


def test_address_never_verified_is_not_asked(client_of: ClientOf, client: CheckedClient) -> None:
    """Who mistyped their address at sign-up could never answer there."""
    person = factories.make_user(email="tpyo@example.com")
    _ask(client_of(person))
    assert letters.mails("tpyo@example.com") == []
    client.post_form(letters.newest_path(NEW, "email_change_new"))
    assert _address(person) == NEW
    assert db.session.get_one(User, person.id).email_verified_at is not None


def test_lost_question_is_no_agreement(
    mine: CheckedClient, client: CheckedClient, person: User
) -> None:
    """Whatever sweeps old links away must not move an account."""
    _ask(mine)
    _, _, new = _paths()
    old_links = db.session.query(OneTimeToken).filter_by(purpose=TokenPurpose.CHANGE_EMAIL_OLD)
    assert old_links.delete() == 1
    db.session.commit()
    client.post_form(new)
    assert _address(person) == OLD


def test_address_of_another_account_is_answered_like_any(mine: CheckedClient, person: User) -> None:
    factories.make_user(email=NEW, name="Nora")
    taken = mine.post("/api/auth/email", json={"email": NEW})
    free = mine.post("/api/auth/email", json={"email": "pia.own@example.com"})
    assert taken.status_code == free.status_code == 202
    assert len(taken.data) == len(free.data)
    assert [mail.template for mail in letters.mails(NEW)] == ["already_registered"]


def test_address_taken_meanwhile_is_refused_clearly(
    mine: CheckedClient, client: CheckedClient, person: User
) -> None:
    _ask(mine)
    old, _, new = _paths()
    client.post_form(old)
    factories.make_user(email=NEW)
    assert client.post_form(new).status_code == 303
    assert "Another account has this address by now" in client.get("/auth/sign-in").text
    assert _address(person) == OLD
    assert mine.get("/api/auth/email").get_json()["change"] is None
    answer = client.post("/api/auth/email/confirm", json={"token": new.split("/")[-1]})
    assert (answer.status_code, answer.get_json()["code"]) == (410, "LINK_INVALID")


@pytest.mark.parametrize("email", ["", "nowhere", OLD.upper(), "a@b@c"])
def test_impossible_address_is_named(mine: CheckedClient, email: str) -> None:
    page = mine.post_form("/account/email", {"email": email})
    assert page.status_code == 422
    field = html.parse(page.text).find("input", attrs={"aria-invalid": "true"})
    assert field["name"] == "email"
    assert mine.post("/api/auth/email", json={"email": email}).status_code == 422
    assert letters.mails() == []


def test_suspended_persons_links_are_over(
    mine: CheckedClient, client: CheckedClient, person: User
) -> None:
    _ask(mine)
    old, _, new = _paths()
    person.status = UserStatus.SUSPENDED
    db.session.commit()
    tokens = [path.removesuffix("/stop").split("/")[-1] for path in (old, new)]
    for token in tokens:
        answer = client.post("/api/auth/email/confirm", json={"token": token})
        assert (answer.status_code, answer.get_json()["code"]) == (410, "LINK_INVALID")
    assert [client.get(path).status_code for path in (old, new)] == [410, 410]


def test_program_moves_the_account(mine: CheckedClient, client: CheckedClient) -> None:
    assert mine.post("/api/auth/email", json={"email": NEW}).status_code == 202
    old, _, new = _paths()
    for path in (old, new):
        answer = client.post("/api/auth/email/confirm", json={"token": path.split("/")[-1]})
        assert answer.status_code == 204
    document = mine.get("/api/auth/email").get_json()
    assert (document["email"], document["change"]) == (NEW, None)


def test_both_links_opened_at_once_move_the_account_once(committed_app: Flask) -> None:
    """Each sees the other's agreement, whichever comes second: neither waits for ever."""
    with committed_app.app_context():
        user_id = factories.make_user(email=OLD, email_verified_at=utcnow()).id
        email_change.request(user_id, NEW)
        db.session.commit()
        tokens = [
            letters.newest_path(OLD, "email_change_old", "confirm_link").split("/")[-1],
            letters.newest_path(NEW, "email_change_new").split("/")[-1],
        ]
    purposes = [TokenPurpose.CHANGE_EMAIL_OLD, TokenPurpose.CHANGE_EMAIL_NEW]
    start = threading.Barrier(4)
    complete: list[bool] = []
    refused: list[LinkInvalid] = []

    def agree(token: str, purpose: TokenPurpose) -> None:
        with committed_app.app_context():
            start.wait(10)
            try:
                complete.append(email_change.confirm(token, purpose).is_complete)
                db.session.commit()
            except LinkInvalid as error:
                refused.append(error)

    threads = [
        threading.Thread(target=agree, args=pair)
        for pair in zip(tokens * 2, purposes * 2, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(complete) == [False, True]
    assert len(refused) == 2, "a link is good once"
    with committed_app.app_context():
        assert db.session.get_one(User, user_id).email == NEW
        assert db.session.query(OneTimeToken).filter_by(used_at=None).count() == 0
