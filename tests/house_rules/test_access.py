"""Every endpoint answers every role as the table says, and no endpoint is missing from it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from app.clock import shifted, utcnow
from app.database import db
from app.domain.accounts import api_keys
from app.domain.accounts.api_keys import Scope
from app.domain.accounts.models import Role, User, UserStatus
from app.domain.courses.models import Course, Lesson
from app.web.access import PUBLIC_ENDPOINTS
from app.web.bearer import KEY_PATHS
from app.web.extensions import limiter
from app.web.scopes import COOKIE_ONLY, OPEN, SCOPES
from tests import factories
from tests.house_rules import addresses
from tests.house_rules.access_table import KEY_ROLES, ROLES, key_rows, parts, rows
from tests.support import html, keys
from tests.support.client import CheckedClient, sign_in

ROWS = rows()
KEY_ROWS = key_rows()
QUIET_METHODS = {"HEAD", "OPTIONS"}
ROWS_AT_A_TIME = 30  # the cast is made once for so many
ClientOf = Callable[[User], CheckedClient]


def _name(method: str, endpoint: str) -> str:
    return f"{method} {endpoint}"


@pytest.fixture
def people(course: Course, instructor: User, enrolled: User) -> dict[str, User | None]:
    """One person a role."""
    revoked = factories.make_user(name="Rita Refunded")
    factories.make_enrollment(revoked, course, revoked_at=utcnow())
    return {
        "anonymous": None,
        "learner": factories.make_user(),
        "enrolled": enrolled,
        "revoked": revoked,
        "suspended": factories.make_user(name="Sid Suspended"),
        "owner": instructor,
        "colleague": factories.make_user(Role.INSTRUCTOR),
        "support": factories.make_user(Role.SUPPORT),
        "admin": factories.make_user(Role.ADMIN),
    }


@pytest.fixture
def clients(app: Flask, people: dict[str, User | None]) -> dict[str, CheckedClient]:
    """One client a role, signed in where there is somebody."""
    made: dict[str, CheckedClient] = {}
    for role, user in people.items():
        client = app.test_client()
        assert isinstance(client, CheckedClient)
        if user is not None:
            sign_in(client, user)
        made[role] = client
    suspended = people["suspended"]
    assert suspended is not None
    suspended.status = UserStatus.SUSPENDED
    db.session.commit()
    return made


@pytest.fixture
def values(
    app: Flask, course: Course, video_lesson: Lesson, clients: dict[str, CheckedClient]
) -> dict[str, Any]:
    """What the variables of the addresses stand for, and the bodies that POSTs send."""
    return addresses.fill(app, course, video_lesson, clients["enrolled"])


BODIES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "admin.suspend_user": lambda _: {"reason": "Asked to."},
    "admin.change_user_role": lambda _: {"role": "learner"},
    "auth.create_api_key": lambda _: {"name": "", "scopes": [], "expires_in_days": 0},
    "auth.login": lambda _: {"email": "nobody@example.com", "password": "wrong-wrong-wrong"},
    "auth.register": lambda _: {"email": "x", "password": "short", "name": ""},
    "playback.create_token": lambda values: {"lesson_id": str(values["lesson_id"])},
    "playback.heartbeat": lambda _: {"position_seconds": 1.0, "watched": []},
}
for part in parts():
    BODIES |= getattr(part, "BODIES", {})


def _form_token(client: CheckedClient) -> str:
    """A token for a form, as any visitor may have from some page of the site."""
    for path in ("/auth/sign-in", "/dashboard"):
        page = client.get(path)
        if page.status_code == 200 and "csrf_token" in page.text:
            return html.csrf_token(page.text)
    raise AssertionError("no page shows a form with a CSRF token")


def _ask(app: Flask, client: CheckedClient, row: str, values: dict[str, Any]) -> str:
    method, endpoint = row.split()
    path = addresses.path(app, endpoint, values)
    arguments: dict[str, Any] = {}
    if method != "GET" and path.startswith("/api/"):
        arguments["json"] = BODIES.get(endpoint, lambda _: {})(values)
    elif method == "POST":
        arguments["data"] = {"csrf_token": _form_token(client)}
    response = client.open(path, method=method, **arguments)
    location = response.headers.get("Location", "")
    if response.status_code == 303 and location.startswith("/auth/sign-in"):
        return "in"
    return str(response.status_code)


@pytest.fixture
def programs(
    app: Flask, people: dict[str, User | None], clients: dict[str, CheckedClient]
) -> dict[str, CheckedClient]:
    """One program a key."""
    enrolled, suspended, admin = (people[name] for name in ("enrolled", "suspended", "admin"))
    assert enrolled is not None
    assert suspended is not None
    assert admin is not None
    ended = keys.make_key(enrolled)
    [view] = api_keys.list_live(enrolled.id)
    api_keys.revoke(enrolled.id, view.id)
    with shifted(timedelta(days=-2)):
        old = keys.make_key(enrolled, days=1)
    tokens = (
        keys.make_key(enrolled),
        keys.make_key(enrolled, keys.READING_SCOPES),
        ended,
        old,
        keys.make_suspended_key(suspended),
        keys.make_key(admin, Scope),
    )
    return {
        role: keys.client_with(app, token) for role, token in zip(KEY_ROLES, tokens, strict=True)
    }


def _batches(table: Mapping[str, object]) -> list[list[str]]:
    names = sorted(table)
    return [names[start : start + ROWS_AT_A_TIME] for start in range(0, len(names), ROWS_AT_A_TIME)]


@contextmanager
def _undone(clients: dict[str, CheckedClient]) -> Iterator[None]:
    """Take back what a row's requests did to the database and to the clients' cookies."""
    cookies = {role: dict(client._cookies or {}) for role, client in clients.items()}
    db.session.remove()
    savepoint = db.engine.begin_nested()
    try:
        yield
    finally:
        db.session.remove()
        savepoint.rollback()
        for role, client in clients.items():
            if client._cookies is not None:
                client._cookies.clear()
                client._cookies.update(cookies[role])


def _wrong_answers(
    app: Flask,
    clients: dict[str, CheckedClient],
    values: dict[str, Any],
    table: Mapping[str, tuple[str, ...]],
    rows: list[str],
) -> dict[str, dict[str, str]]:
    """Return by row what was answered, where it is not what the table says."""
    wrong: dict[str, dict[str, str]] = {}
    for row in rows:
        expected = dict(zip(clients, table[row], strict=True))
        with _undone(clients):
            limiter.reset()
            answers = {role: _ask(app, clients[role], row, values) for role in clients}
        if answers != expected:
            wrong[row] = {
                role: answers[role] for role in answers if answers[role] != expected[role]
            }
    return wrong


@pytest.mark.parametrize("rows", _batches(ROWS), ids=lambda rows: rows[0])
def test_access(
    app: Flask, clients: dict[str, CheckedClient], values: dict[str, Any], rows: list[str]
) -> None:
    assert tuple(clients) == ROLES
    assert _wrong_answers(app, clients, values, ROWS, rows) == {}


@pytest.mark.parametrize("rows", _batches(KEY_ROWS), ids=lambda rows: rows[0])
def test_access_with_a_key(
    app: Flask, programs: dict[str, CheckedClient], values: dict[str, Any], rows: list[str]
) -> None:
    assert tuple(programs) == KEY_ROLES
    assert _wrong_answers(app, programs, values, KEY_ROWS, rows) == {}


def test_every_endpoint_for_programs_is_in_the_table_of_keys(app: Flask) -> None:
    served = {
        _name(method, rule.endpoint)
        for rule in app.url_map.iter_rules()
        if rule.endpoint in SCOPES or rule.endpoint in OPEN
        for method in (rule.methods or set()) - QUIET_METHODS
    }
    assert served - set(KEY_ROWS) == set(), "give these a row in KEYS of access_rows"
    assert set(KEY_ROWS) - served == set(), "these exist no more"


def test_what_takes_no_key_refuses_every_key(
    app: Flask, programs: dict[str, CheckedClient], values: dict[str, Any]
) -> None:
    living = {"key", "reading key", "admin's key"}
    expected = {role: "403" if role in living else "401" for role in KEY_ROLES}
    for row in ROWS:
        if row.split()[1] in COOKIE_ONLY:
            answers = {role: _ask(app, programs[role], row, values) for role in KEY_ROLES}
            assert answers == expected, row


def test_a_key_counts_for_nothing_on_pages(
    app: Flask, programs: dict[str, CheckedClient], values: dict[str, Any]
) -> None:
    for row, answers in ROWS.items():
        if not addresses.path(app, row.split()[1], values).startswith(KEY_PATHS):
            assert _ask(app, programs["admin's key"], row, values) == answers[0], row


def test_every_endpoint_is_in_the_table(app: Flask) -> None:
    served = {
        _name(method, rule.endpoint)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - QUIET_METHODS
    }
    assert served - set(ROWS) == set(), "give these a row in access_rows"
    assert set(ROWS) - served == set(), "these exist no more"


def test_what_is_public_is_public_on_purpose(app: Flask) -> None:
    """The list of the guard and the table agree on who needs no sign-in."""
    open_rows = {
        row.split()[1] for row, answers in ROWS.items() if answers[0] not in ("in", "401", "403")
    }
    assert open_rows == {name for name in PUBLIC_ENDPOINTS if name in app.view_functions} - {
        "auth.login",
        "auth.second_factor",  # only after a password, else to the sign-in
    }
