"""Threat 12: an address that a client claims for itself lifts no limit and enters no record."""

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select

from app.database import db
from app.domain.accounts.models import LoginSession, User
from app.domain.audit.models import AuditEvent
from tests import factories
from tests.support.client import CheckedClient
from tests.support.http import Visitor
from tests.support.server import LiveServer

LOGIN = "/api/auth/login"
WRONG = "wrong but long enough"
# Whatever proxies write: each is a header somebody once believed.
CLAIMS = (
    "X-Forwarded-For",
    "X-Real-IP",
    "Forwarded",
    "X-Client-IP",
    "True-Client-IP",
    "CF-Connecting-IP",
    "X-Original-Forwarded-For",
)


def _claim(header: str, number: int) -> dict[str, str]:
    address = f"198.51.{number}.7"
    return {header: f"for={address}" if header == "Forwarded" else address}


@pytest.mark.parametrize("header", CLAIMS)
def test_without_a_proxy_no_header_gives_further_guesses(
    client: CheckedClient, header: str
) -> None:
    statuses = [
        client.post(
            LOGIN,
            json={"email": f"nobody{number}@example.com", "password": WRONG},
            headers=_claim(header, number),
        ).status_code
        for number in range(11)
    ]
    assert statuses == [401] * 10 + [429]


def test_behind_a_proxy_only_what_the_proxy_wrote_counts(
    committed_app: Flask, serve: Callable[..., LiveServer]
) -> None:
    """The client's own claims stand to the left of the address that our proxy appends."""
    site = serve(TRUSTED_PROXIES="1")
    statuses = [
        Visitor(site.url)
        .post(
            LOGIN,
            {"email": f"nobody{number}@example.com", "password": WRONG},
            headers={"X-Forwarded-For": f"198.51.{number}.7, 203.0.113.9"},
        )
        .status
        for number in range(11)
    ]
    assert statuses == [401] * 10 + [429]


def test_claimed_host_and_scheme_are_not_believed(client: CheckedClient) -> None:
    headers = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"}
    page = client.get("/auth/sign-in", headers=headers)
    assert page.status_code == 200
    assert "evil.example" not in page.text
    refused = client.get("/account", headers=headers)
    assert refused.headers["Location"].startswith("/auth/sign-in")


def test_claimed_address_is_written_nowhere(client: CheckedClient) -> None:
    person = factories.make_user(password=factories.PASSWORD)
    body = {"email": person.email, "password": factories.PASSWORD}
    headers = {"X-Forwarded-For": "198.51.100.66", "X-Real-IP": "198.51.100.66"}
    assert client.post(LOGIN, json=body, headers=headers).status_code == 200
    session = db.session.scalars(select(LoginSession)).one()
    events = db.session.scalars(select(AuditEvent)).all()
    assert str(session.ip_address) == "127.0.0.1"
    assert events
    assert {str(event.ip_address) for event in events} == {"127.0.0.1"}


def test_next_person_is_not_locked_out_by_a_forger(client: CheckedClient, learner: User) -> None:
    """Claiming the victim's address does not use up the victim's tries."""
    for number in range(12):
        client.post(
            LOGIN,
            json={"email": f"nobody{number}@example.com", "password": WRONG},
            headers={"X-Forwarded-For": "203.0.113.50"},
        )
    client.environ_base["REMOTE_ADDR"] = "203.0.113.50"
    body = {"email": "else@example.com", "password": WRONG}
    assert client.post(LOGIN, json=body).status_code == 401
