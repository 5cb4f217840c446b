"""Every door that somebody could knock on for ever has a limit, and closes when it is used up.

A door declares its limit with `limited_by` or `counts` (app/web/auth/limits.py); one that counts
by itself needs a row in DOORS, which knocks on it.
"""

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from limits import parse
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from app.domain.accounts.models import User
from app.domain.accounts.users import find_by_email
from app.web.access import SAFE_METHODS
from app.web.auth.limits import limit_of
from app.web.extensions import limiter
from tests import factories
from tests.support import html
from tests.support.client import CheckedClient
from tests.support.factors import add_app

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


def _second_factor_page(client: CheckedClient, number: int) -> TestResponse:
    """Guess at the second step of one account, beginning anew each time."""
    email = "two-factors@example.com"
    if find_by_email(email) is None:
        add_app(factories.make_user(email=email, password=factories.PASSWORD))
    client.post_form("/auth/sign-in", {"email": email, "password": factories.PASSWORD})
    return client.post_form("/auth/second-factor", {"code": f"wrong-{number}"})


def _reset_page(client: CheckedClient, number: int) -> TestResponse:
    return client.post_form("/auth/reset", {"email": f"forgot{number}@example.com"})


def _reset(client: CheckedClient, number: int) -> TestResponse:
    return client.post("/api/auth/reset", json={"email": f"forgot{number}@example.com"})


DOORS: dict[str, tuple[Knock, int]] = {
    "auth.sign_in": (_sign_in_page, 10),
    "auth.login": (_login, 10),
    "auth.sign_up": (_sign_up_page, 10),
    "auth.register": (_register, 10),
    "auth.second_factor": (_second_factor_page, 5),
    "auth.reset": (_reset_page, 20),
    "auth.reset_by_program": (_reset, 20),
}


ACCOUNT_PATHS = ("/auth/", "/account", "/api/auth/", "/api/account")


def _doors(app: Flask) -> Iterator[tuple[Rule, str]]:
    """Give what can be knocked on: unsafe methods, and the GET of an address with a secret."""
    for rule in app.url_map.iter_rules():
        of_accounts = rule.endpoint.startswith("auth.") or rule.rule.startswith(ACCOUNT_PATHS)
        if not of_accounts or rule.endpoint in HARMLESS:
            continue
        for method in sorted((rule.methods or set()) - SAFE_METHODS):
            yield rule, method
        if "token" in rule.arguments and "GET" in (rule.methods or set()):
            yield rule, "GET"


def _counts_itself(app: Flask, rule: Rule) -> bool:
    return getattr(app.view_functions[rule.endpoint], "__counts_itself__", False)


def test_every_door_of_the_accounts_has_a_limit(app: Flask) -> None:
    bare = {
        f"{method} {rule.rule}"
        for rule, method in _doors(app)
        if limit_of(app.view_functions[rule.endpoint]) is None
    }
    assert bare == set(), "decorate these with limits.limited_by or limits.counts"


def test_every_door_that_counts_by_itself_is_knocked_on_here(app: Flask) -> None:
    promised = {rule.endpoint for rule, _ in _doors(app) if _counts_itself(app, rule)}
    assert promised == set(DOORS)


def test_every_other_door_closes_when_its_limit_is_used_up(
    app: Flask, client_of: Callable[[User], CheckedClient], learner: User
) -> None:
    client = client_of(learner)
    token = html.csrf_token(client.get("/dashboard").text)
    for rule, method in _doors(app):
        limit = limit_of(app.view_functions[rule.endpoint])
        if limit is None or _counts_itself(app, rule):
            continue
        limiter.reset()
        rate = parse(limit.network)
        limiter.limiter.hit(rate, "127.0.0.0/24", f"{limit.scope}-network", cost=rate.amount)
        answer = _knock(app, client, rule, method, token)
        assert answer.status_code == 429, f"{method} {rule.rule} stays open"
        assert int(answer.headers["Retry-After"]) >= 1


def _knock(app: Flask, client: CheckedClient, rule: Rule, method: str, token: str) -> TestResponse:
    names = {name: uuid.uuid4() for name in rule.arguments}
    with app.test_request_context():
        path = app.url_for(rule.endpoint, **names)
    if path.startswith("/api/"):
        return client.open(path, method=method, json={} if method != "GET" else None)
    return client.open(path, method=method, data={"csrf_token": token} if method != "GET" else None)


@pytest.mark.parametrize("name", DOORS)
def test_door_closes_after_so_many_tries(client: CheckedClient, name: str) -> None:
    knock, allowed = DOORS[name]
    answers = [knock(client, number) for number in range(allowed)]
    assert [answer.status_code for answer in answers if answer.status_code == 429] == []
    refused = knock(client, allowed)
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["Retry-After"]) <= 3601  # rounded up


def test_page_and_program_share_one_count(client: CheckedClient) -> None:
    """Who used up the one door does not get in by the other."""
    pairs: dict[str, Any] = {"auth.sign_in": _login, "auth.register": _sign_up_page}
    for name, other in pairs.items():
        knock, allowed = DOORS[name]
        for number in range(allowed):
            knock(client, number)
        assert other(client, 99).status_code == 429


def test_no_limit_stands_where_the_limiter_does_not_look(app: Flask) -> None:
    """DecoratingLimiter skips what is not on a function: of that there must be nothing."""
    assert limiter in app.extensions["limiter"]
    manager = limiter.limit_manager
    assert [*manager.application_limits, *manager.default_limits] == []
    assert not manager._blueprint_limits
