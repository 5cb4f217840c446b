"""Threat 7: links in mails cannot be guessed, forged for another site, or opened by a scanner."""

from collections.abc import Callable

import pytest

from app.clock import utcnow
from app.database import db
from app.domain.accounts.models import OneTimeToken, User
from tests import factories
from tests.support import letters
from tests.support.client import CheckedClient

ClientOf = Callable[[User], CheckedClient]
KINDS = (
    "/auth/verify/{}",
    "/auth/reset/{}",
    "/auth/verify/old-email/{}",
    "/auth/verify/new-email/{}",
    "/auth/verify/old-email/{}/stop",
)
PROGRAMS = (
    ("/api/auth/verify", {}),
    ("/api/auth/reset/confirm", {"password": "a-fresh-long-password-9"}),
    ("/api/auth/email/confirm", {}),
)
GUESSES = 30


def _guess(client: CheckedClient, number: int) -> int:
    """Try one token at one of the doors, each in turn."""
    doors = len(KINDS) + len(PROGRAMS)
    token = f"guess-number-{number}"
    if number % doors < len(KINDS):
        return client.get(KINDS[number % doors].format(token)).status_code
    path, body = PROGRAMS[number % doors - len(KINDS)]
    return client.post(path, json={**body, "token": token}).status_code


@pytest.fixture
def reset_path(client: CheckedClient) -> str:
    """A link that works."""
    user = factories.make_user(email_verified_at=utcnow())
    client.post("/api/auth/reset", json={"email": user.email})
    return letters.newest_path(user.email, "reset_password")


def test_guessing_ends_after_so_many_tries_at_all_doors(
    client: CheckedClient, reset_path: str
) -> None:
    assert {_guess(client, number) for number in range(GUESSES)} == {410}
    assert {_guess(client, number) for number in range(8)} == {429}
    assert client.get(reset_path).status_code == 429, "the right one is no better off"
    elsewhere = {"REMOTE_ADDR": "198.51.100.9"}
    assert client.get(reset_path, environ_overrides=elsewhere).status_code == 200


def test_opening_a_right_link_is_never_counted(client: CheckedClient, reset_path: str) -> None:
    for _ in range(GUESSES + 5):
        assert client.get(reset_path).status_code == 200


def test_only_hashes_of_tokens_are_kept(client: CheckedClient, reset_path: str) -> None:
    token = reset_path.rsplit("/", maxsplit=1)[-1]
    assert len(token) >= 43
    row = db.session.query(OneTimeToken).one()
    assert len(row.token_hash) == 32
    assert token not in str(row.payload)


def test_token_of_one_kind_opens_no_other_door(client: CheckedClient, reset_path: str) -> None:
    token = reset_path.rsplit("/", maxsplit=1)[-1]
    others = [kind for kind in KINDS if not kind.startswith("/auth/reset")]
    assert [client.get(kind.format(token)).status_code for kind in others] == [410] * 4
    assert client.post("/api/auth/verify", json={"token": token}).status_code == 410
    assert client.get(reset_path).status_code == 200


def test_links_lead_to_the_site_whatever_host_was_asked(client: CheckedClient) -> None:
    """Threat 12: a forged Host header must not reach anybody's mail."""
    user = factories.make_user()
    client.post(
        "/api/auth/reset", json={"email": user.email}, headers={"X-Forwarded-Host": "evil.example"}
    )
    client.post("/api/auth/reset", json={"email": user.email}, base_url="http://evil.example")
    sent = letters.mails(user.email, "reset_password")
    assert sent
    assert {mail.context["link"].split("/auth/")[0] for mail in sent} == {"http://localhost"}


def test_pages_of_links_are_kept_by_nobody(client: CheckedClient, reset_path: str) -> None:
    headers = client.get(reset_path).headers
    assert "no-store" in headers["Cache-Control"]
    assert headers["Referrer-Policy"] == "strict-origin-when-cross-origin"
