"""Threat 10 on every route that changes something, read from the url map: no route is forgotten."""

import uuid
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from werkzeug.routing import (
    AnyConverter,
    BaseConverter,
    IntegerConverter,
    Rule,
    UUIDConverter,
)
from werkzeug.test import TestResponse

from app.domain.accounts.models import User
from app.web.access import SAFE_METHODS, SIGNED_ENDPOINTS
from app.web.cross_site import FORM, FORM_ENDPOINTS
from app.web.extensions import limiter
from tests.support import html
from tests.support.client import CheckedClient

ClientOf = Callable[[User], CheckedClient]
FOREIGN = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://localhost.evil.example"},
    {"Origin": "http://localhost:8000"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "http://localhost", "Sec-Fetch-Site": "cross-site"},
]
# What is signed looks at no cookie, so there is nothing to spend; it refuses what nobody signed.
UNSIGNED = {"admin.put_part": 403, "courses.stripe_webhook": 400}
# What a form of another site can send without the browser asking first.
SIMPLE_KINDS = [
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
]


def _unsafe(app: Flask) -> Iterator[tuple[Rule, str]]:
    for rule in app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) - SAFE_METHODS):
            yield rule, method


def _value(converter: BaseConverter) -> object:
    """Return something that the converter of an address takes."""
    if isinstance(converter, AnyConverter):
        return next(iter(converter.items))
    if isinstance(converter, UUIDConverter):
        return uuid.uuid4()
    return 1 if isinstance(converter, IntegerConverter) else "x"


def _path(app: Flask, rule: Rule) -> str:
    values = {name: _value(rule._converters[name]) for name in rule.arguments}
    with app.test_request_context():
        return app.url_for(rule.endpoint, **values)


def _refused_with(rule: Rule, kind: str = "") -> int:
    """What answers a body that is no JSON; what is signed takes any, from who can sign alone."""
    if rule.endpoint in SIGNED_ENDPOINTS:
        return UNSIGNED[rule.endpoint]
    is_form = rule.endpoint in FORM_ENDPOINTS and kind.startswith(FORM)
    return 403 if is_form else 415


@pytest.fixture
def browser(client_of: ClientOf, admin: User) -> CheckedClient:
    """Somebody whose role stands in nobody's way."""
    return client_of(admin)


@pytest.fixture
def form_token(browser: CheckedClient) -> str:
    """The token of a form of ours, so that only the headers are wrong."""
    return html.csrf_token(browser.get("/dashboard").text)


def _send(
    app: Flask, browser: CheckedClient, rule: Rule, method: str, token: str, **headers: str
) -> TestResponse:
    limiter.reset()
    path = _path(app, rule)
    if path.startswith("/api/"):
        return browser.open(path, method=method, json={}, headers=headers)
    return browser.open(path, method=method, data={"csrf_token": token}, headers=headers)


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_every_unsafe_route_refuses_what_another_site_sends(
    app: Flask, browser: CheckedClient, form_token: str, headers: dict[str, str]
) -> None:
    let_in = {
        f"{method} {rule.rule}": answer.status_code
        for rule, method in _unsafe(app)
        if (answer := _send(app, browser, rule, method, form_token, **headers)).status_code
        != UNSIGNED.get(rule.endpoint, 403)
    }
    assert let_in == {}
    assert browser.get("/api/auth/me").status_code == 200, "nobody was signed out from elsewhere"


@pytest.mark.parametrize("kind", SIMPLE_KINDS)
def test_every_unsafe_route_for_programs_wants_json(
    app: Flask, browser: CheckedClient, kind: str
) -> None:
    let_in = {}
    for rule, method in _unsafe(app):
        path = _path(app, rule)
        if path.startswith("/api/"):
            answer = browser.open(path, method=method, data='{"a": 1}', content_type=kind)
            if answer.status_code != _refused_with(rule, kind):
                let_in[f"{method} {rule.rule}"] = answer.status_code
    assert let_in == {}
    assert browser.get("/api/auth/me").status_code == 200


def test_body_that_does_not_say_what_it_is_is_refused(app: Flask, browser: CheckedClient) -> None:
    for rule, method in _unsafe(app):
        path = _path(app, rule)
        if path.startswith("/api/"):
            answer = browser.open(path, method=method, data='{"a": 1}')
            assert answer.status_code == _refused_with(rule), f"{method} {rule.rule}"


@pytest.mark.parametrize("token", [None, "", "x" * 60])
def test_every_form_wants_its_token(app: Flask, browser: CheckedClient, token: str | None) -> None:
    data = {} if token is None else {"csrf_token": token}
    let_in = {}
    for rule, method in _unsafe(app):
        path = _path(app, rule)
        if not path.startswith("/api/"):
            answer = browser.open(path, method=method, data=data)
            if answer.status_code != 400:
                let_in[f"{method} {rule.rule}"] = answer.status_code
    assert let_in == {}


def test_no_unsafe_route_is_reached_by_get(app: Flask) -> None:
    """Links and pictures of another site send GET, with the cookie where one follows them."""
    both = {
        rule.rule
        for rule, _ in _unsafe(app)
        if "GET" in (rule.methods or set()) and rule.rule.startswith("/api/")
    }
    assert both == set(), "a GET of the API changes nothing, so it has a rule of its own"


def test_own_pages_and_scripts_pass(app: Flask, browser: CheckedClient, form_token: str) -> None:
    """The refusals above are not those of a site that refuses everything."""
    own = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
    answer = browser.post("/api/auth/logout", json={}, headers=own)
    assert answer.status_code == 204
