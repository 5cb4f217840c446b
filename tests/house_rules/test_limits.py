"""Every door that somebody could knock on for ever has a limit; a new door needs a row here."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.support.client import CheckedClient

Knock = Callable[[CheckedClient, int], TestResponse]
WRONG = "not-the-password-1"
FINE = "a-fine-long-password-7"
# Ending one's own session guesses nothing.
HARMLESS = {"auth.sign_out", "auth.logout"}


def _sign_in_page(client: CheckedClient, number: int) -> TestResponse:
    data = {"email": f"guess{number}@example.com", "password": WRONG}
    return client.post_form("/auth/sign-in", data)


def _sign_up_page(client: CheckedClient, number: int) -> TestResponse:
    data = {"email": f"new{number}@example.com", "password": FINE, "name": "New"}
    return client.post_form("/auth/sign-up", data)


def _login(client: CheckedClient, number: int) -> TestResponse:
    body = {"email": f"guess{number}@example.com", "password": WRONG}
    return client.post("/api/auth/login", json=body)


def _register(client: CheckedClient, number: int) -> TestResponse:
    body = {"email": f"new{number}@example.com", "password": FINE, "name": "New"}
    return client.post("/api/auth/register", json=body)


DOORS: dict[str, tuple[Knock, int]] = {
    "auth.sign_in": (_sign_in_page, 10),
    "auth.login": (_login, 10),
    "auth.sign_up": (_sign_up_page, 10),
    "auth.register": (_register, 10),
}


def test_every_door_of_the_accounts_is_listed(app: Flask) -> None:
    doors = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("auth.") and "POST" in (rule.methods or set())
    }
    assert doors == set(DOORS) | HARMLESS


@pytest.mark.parametrize("name", DOORS)
def test_door_closes_after_so_many_tries(client: CheckedClient, name: str) -> None:
    knock, allowed = DOORS[name]
    answers = [knock(client, number) for number in range(allowed)]
    assert [answer.status_code for answer in answers if answer.status_code == 429] == []
    refused = knock(client, allowed)
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["Retry-After"]) <= 3600


def test_page_and_program_share_one_count(client: CheckedClient) -> None:
    """Who used up the one door does not get in by the other."""
    pairs: dict[str, Any] = {"auth.sign_in": _login, "auth.register": _sign_up_page}
    for name, other in pairs.items():
        knock, allowed = DOORS[name]
        for number in range(allowed):
            knock(client, number)
        assert other(client, 99).status_code == 429
