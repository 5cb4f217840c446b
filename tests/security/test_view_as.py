"""Looking at the site as a learner: read-only, for half an hour, by support and administrators."""

import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from werkzeug.routing import AnyConverter, IntegerConverter, Rule, UUIDConverter

from app import clock
from app.database import db
from app.domain.accounts import api_keys, sessions
from app.domain.accounts.models import LoginSession, Role, SessionKind, User, UserStatus
from app.domain.audit.actions import Action
from app.domain.audit.models import AuditEvent
from app.domain.courses.models import Course, Lesson
from app.web.access import SAFE_METHODS, SIGNED_ENDPOINTS
from tests import factories
from tests.support import html, keys
from tests.support.client import CheckedClient

ClientOf = Callable[[User], CheckedClient]
REASON = {"reason": "A lesson does not open."}


def begin(client: CheckedClient, user: User):
    return client.post_form(f"/admin/users/{user.id}/view-as", REASON)


def token_of(client: CheckedClient) -> str:
    cookie = client.get_cookie("view")
    assert cookie is not None
    return cookie.value


def who(client: CheckedClient) -> str:
    """Whose account the header's menu is."""
    page = client.get("/courses").text
    return html.parse(page).select_one(".menu__who strong").get_text()


@pytest.fixture
def viewer(client_of: ClientOf, admin: User, enrolled: User) -> CheckedClient:
    """An administrator who looks as `enrolled`."""
    client = client_of(admin)
    answer = begin(client, enrolled)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/dashboard")
    return client


def test_viewer_sees_what_the_learner_sees_and_is_told_so(
    viewer: CheckedClient, course: Course, text_lesson: Lesson, enrolled: User
) -> None:
    page = viewer.get("/dashboard").text
    assert course.title in page
    assert f"You look at the site as {enrolled.name} until" in page
    assert viewer.get(f"/learn/{course.slug}/{text_lesson.id}").status_code == 200
    assert who(viewer) == enrolled.name


def test_administration_stays_the_viewers_own(viewer: CheckedClient, enrolled: User) -> None:
    page = viewer.get("/admin/users").text
    assert "Ada Admin" in html.parse(page).select_one(".menu__who").get_text()
    assert f"You look at the site as {enrolled.name}" in page


def test_beginning_and_end_are_noted_under_the_viewers_name(
    viewer: CheckedClient, admin: User, enrolled: User
) -> None:
    stopped = viewer.post_form("/admin/view-as/stop", page="/admin")
    assert stopped.headers["Location"] == f"/admin/users/{enrolled.id}"
    assert who(viewer) == admin.name
    assert viewer.get_cookie("view") is None
    viewer.post_form("/admin/view-as/stop", page="/admin")
    events = db.session.query(AuditEvent).filter(AuditEvent.action.like("view.%"))
    assert [(e.action, e.actor_id, e.subject_id) for e in events.order_by(AuditEvent.id)] == [
        (Action.VIEW_STARTED, admin.id, enrolled.id),
        (Action.VIEW_ENDED, admin.id, enrolled.id),
    ]


def test_reason_is_asked_for(client_of: ClientOf, admin: User, learner: User) -> None:
    answer = client_of(admin).post_form(f"/admin/users/{learner.id}/view-as", {"reason": " "})
    assert answer.status_code == 422
    assert "view" not in answer.headers.get("Set-Cookie", "")


def test_nothing_can_be_changed(app: Flask, viewer: CheckedClient) -> None:
    """Every unsafe method outside the administration is refused; signed messages are no person."""
    token = html.csrf_token(viewer.get("/dashboard").text)
    passed, asked = [], 0
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("admin.") or rule.rule.startswith("/static"):
            continue
        if rule.endpoint in SIGNED_ENDPOINTS:
            continue
        values = {name: _value(rule, name) for name in rule.arguments}
        with app.test_request_context():
            path = app.url_for(rule.endpoint, **values)
        for method in sorted((rule.methods or set()) - SAFE_METHODS):
            sent = {"json": {}} if path.startswith("/api/") else {"data": {"csrf_token": token}}
            answer, asked = viewer.open(path, method=method, **sent), asked + 1
            if answer.status_code != 403 or "somebody else" not in answer.text:
                passed.append((method, rule.rule, answer.status_code))
    assert passed == []
    assert asked > 50


def _value(rule: Rule, name: str) -> object:
    """Return something that the address takes there."""
    converter = rule._converters[name]
    if isinstance(converter, AnyConverter):
        return next(iter(converter.items))
    return {UUIDConverter: uuid.uuid4(), IntegerConverter: 1}.get(type(converter), "x")


@pytest.mark.parametrize(
    "path",
    [
        "/account",
        "/account/security",
        "/account/sessions",
        "/account/api-keys",
        "/account/data",
        "/api/auth/me",
        "/api/auth/sessions",
        "/api/playback/sessions",
        "/auth/sign-in",
    ],
)
def test_account_and_player_stay_closed(viewer: CheckedClient, path: str) -> None:
    answer = viewer.get(path)
    assert answer.status_code == 403
    assert "somebody else" in answer.text


def test_looking_leaves_no_trace_of_use(viewer: CheckedClient) -> None:
    with clock.shifted(timedelta(minutes=5)):
        viewer.get("/dashboard")
    view = db.session.query(LoginSession).filter_by(kind=SessionKind.VIEW_AS).one()
    assert view.last_seen_at == view.created_at
    assert view.expires_at - view.created_at == timedelta(minutes=30)


def test_view_is_over_after_half_an_hour(viewer: CheckedClient, admin: User) -> None:
    with clock.shifted(timedelta(minutes=29)):
        assert "Enno" in who(viewer)
    with clock.shifted(timedelta(minutes=31)):
        assert who(viewer) == admin.name


def test_view_ends_with_the_viewers_sign_in(viewer: CheckedClient, admin: User) -> None:
    sessions.end_all(admin.id)
    db.session.commit()
    assert viewer.get("/dashboard").headers["Location"].startswith("/auth/sign-in")


@pytest.mark.parametrize("change", ["role", "status", "viewer"])
def test_view_ends_when_somebody_is_no_longer_who_they_were(
    viewer: CheckedClient, admin: User, enrolled: User, change: str
) -> None:
    if change == "role":
        enrolled.role = Role.INSTRUCTOR
    elif change == "status":
        enrolled.status = UserStatus.SUSPENDED
    else:
        admin.role = Role.INSTRUCTOR
    db.session.commit()
    assert who(viewer) == admin.name


def test_token_of_a_view_is_worth_nothing_elsewhere(
    app: Flask, viewer: CheckedClient, client_of: ClientOf, admin: User
) -> None:
    token = token_of(viewer)
    thief = app.test_client()
    thief.set_cookie("session", token)
    assert thief.get("/dashboard").status_code == 303
    thief.delete_cookie("session")
    thief.set_cookie("view", token)
    assert thief.get("/dashboard").status_code == 303
    for somebody in (admin, factories.make_user(Role.ADMIN, name="Other Admin")):
        other = client_of(somebody)
        other.set_cookie("view", token)
        assert who(other) == somebody.name


def test_learner_with_the_cookie_stays_who_they_are(
    viewer: CheckedClient, client_of: ClientOf, outsider: User
) -> None:
    client = client_of(outsider)
    client.set_cookie("view", token_of(viewer))
    assert who(client) == outsider.name
    assert client.get("/account").status_code == 200


@pytest.mark.parametrize("role", [Role.INSTRUCTOR, Role.SUPPORT, Role.ADMIN])
def test_nobody_looks_as_staff(client_of: ClientOf, admin: User, role: Role) -> None:
    target = factories.make_user(role)
    client = client_of(admin)
    token = html.csrf_token(client.get("/dashboard").text)
    answer = client.post(f"/admin/users/{target.id}/view-as", data={**REASON, "csrf_token": token})
    assert answer.status_code == 403
    assert "view" not in answer.headers.get("Set-Cookie", "")


@pytest.mark.parametrize("status", [UserStatus.SUSPENDED, UserStatus.DELETED])
def test_nobody_looks_as_who_cannot_sign_in(
    client_of: ClientOf, admin: User, learner: User, status: UserStatus
) -> None:
    learner.status = status
    db.session.commit()
    assert client_of(admin).get(f"/admin/users/{learner.id}/view-as").status_code == 403


def test_support_may_look_and_an_instructor_may_not(
    client_of: ClientOf, instructor: User, learner: User
) -> None:
    support = client_of(factories.make_user(Role.SUPPORT))
    assert begin(support, learner).status_code == 303
    assert who(support) == learner.name
    assert client_of(instructor).get(f"/admin/users/{learner.id}/view-as").status_code == 403


def test_beginning_asks_for_a_recent_proof(client_of: ClientOf, admin: User, learner: User) -> None:
    client = client_of(admin)
    with clock.shifted(timedelta(minutes=16)):
        answer = client.get(f"/admin/users/{learner.id}/view-as")
    assert answer.headers["Location"].startswith("/account/confirm")


def test_second_view_ends_the_first(viewer: CheckedClient, learner: User, enrolled: User) -> None:
    first = token_of(viewer)
    begin(viewer, learner)
    assert who(viewer) == learner.name
    viewer.set_cookie("view", first)
    assert who(viewer) != enrolled.name


def test_key_never_looks_as_somebody_else(app: Flask, viewer: CheckedClient, admin: User) -> None:
    program = keys.client_with(app, keys.make_key(admin, api_keys.Scope))
    program.set_cookie("view", token_of(viewer))
    assert program.get("/api/auth/me").get_json()["user"]["email"] == admin.email


def test_stored_view_is_not_a_device_of_the_learner(viewer: CheckedClient, enrolled: User) -> None:
    assert sessions.list_live(enrolled.id) == []
