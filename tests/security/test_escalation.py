"""Threat 8: nobody gives themselves a role, keeps one they lost, or reaches past their own."""

import json
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from app.clock import shifted
from app.database import db
from app.domain.accounts.api_keys import Scope
from app.domain.accounts.models import Role, User, UserStatus
from app.domain.accounts.users import find_by_email
from app.domain.audit.models import AuditEvent
from app.domain.outbox.models import Mail
from tests import factories
from tests.factories import PASSWORD
from tests.support import html, keys
from tests.support.client import CheckedClient

ClientOf = Callable[[User], CheckedClient]
# What an attacker adds to a body in the hope that it is written to the row.
SMUGGLED = {
    "role": "admin",
    "status": "active",
    "is_staff": True,
    "email_verified_at": "2026-01-01T00:00:00Z",
    "id": str(uuid.UUID(int=1)),
    "password_hash": "x",
    "second_factor_added_at": None,
}
ACTS: dict[str, dict[str, Any]] = {
    "suspend": {"reason": "Because."},
    "reinstate": {},
    "role": {"role": "learner"},
    "sign-out": {},
    "second-factor/reset": {},
}
every_act = pytest.mark.parametrize("act", ACTS)


@pytest.fixture
def victim() -> User:
    """An administrator whom somebody wants to be, or be rid of."""
    return factories.make_user(Role.ADMIN, name="Vera Victim", password=PASSWORD)


def _role(user: User) -> Role:
    db.session.expire_all()
    return db.session.get_one(User, user.id).role


def _state(user: User) -> tuple[Role, UserStatus, str | None]:
    db.session.expire_all()
    row = db.session.get_one(User, user.id)
    return row.role, row.status, row.password_hash


@pytest.mark.parametrize("field", SMUGGLED)
def test_signing_up_takes_no_field_of_the_row(client: CheckedClient, field: str) -> None:
    body = {"email": "eve@example.com", "password": PASSWORD, "name": "Eve"}
    answer = client.post("/api/auth/register", json={**body, field: SMUGGLED[field]})
    assert answer.status_code == 422
    assert [fault["field"] for fault in answer.get_json()["errors"]] == [field]
    assert find_by_email("eve@example.com") is None


def test_form_of_signing_up_makes_a_learner(client: CheckedClient) -> None:
    form = {"email": "eve@example.com", "password": "seven blue looms", "name": "Eve"}
    client.post_form("/auth/sign-up", {**form, **SMUGGLED})
    user = find_by_email("eve@example.com")
    assert user is not None
    assert (user.role, user.email_verified_at) == (Role.LEARNER, None)
    assert user.id != uuid.UUID(int=1)


@pytest.mark.parametrize("field", SMUGGLED)
def test_profile_takes_no_field_of_the_row(client_of: ClientOf, learner: User, field: str) -> None:
    client = client_of(learner)
    answer = client.patch("/api/auth/profile", json={"name": "Eve", field: SMUGGLED[field]})
    assert answer.status_code == 422, answer.text
    assert [fault["field"] for fault in answer.get_json()["errors"]] == [field]
    assert _role(learner) is Role.LEARNER
    assert db.session.get_one(User, learner.id).name == "Lea Learner"


def test_form_of_the_profile_changes_the_profile_only(client_of: ClientOf, learner: User) -> None:
    client_of(learner).post_form("/account", {"name": "Eve", **SMUGGLED})
    assert _role(learner) is Role.LEARNER
    assert db.session.get_one(User, learner.id).email_verified_at is None


@every_act
@pytest.mark.parametrize("field", ["role", "status", "user_id", "actor_id"])
def test_acts_take_no_further_field(
    client_of: ClientOf, admin: User, learner: User, act: str, field: str
) -> None:
    if field in ACTS[act]:
        field = "before"
    body = {**ACTS[act], field: "admin"}
    answer = client_of(admin).post(f"/api/admin/users/{learner.id}/{act}", json=body)
    assert answer.status_code == 422
    assert [fault["field"] for fault in answer.get_json()["errors"]] == [field]
    assert _role(learner) is Role.LEARNER


@pytest.mark.parametrize("role", ["king", "", None, ["admin"], 1, "ADMIN"])
def test_there_are_no_other_roles(
    client_of: ClientOf, admin: User, learner: User, role: object
) -> None:
    path = f"/api/admin/users/{learner.id}/role"
    answer = client_of(admin).post(
        path, data=json.dumps({"role": role}), mimetype="application/json"
    )
    assert answer.status_code == 422
    assert _role(learner) is Role.LEARNER


@every_act
@pytest.mark.parametrize("role", [Role.LEARNER, Role.INSTRUCTOR])
def test_those_who_look_after_nobody_act_on_nobody(
    client_of: ClientOf, learner: User, role: Role, act: str
) -> None:
    before = _state(learner)
    client = client_of(factories.make_user(role))
    answer = client.post(f"/api/admin/users/{learner.id}/{act}", json=ACTS[act])
    assert (answer.status_code, answer.get_json()["code"]) == (403, "FORBIDDEN")
    assert _state(learner) == before


@every_act
def test_support_does_nothing_to_staff(client_of: ClientOf, victim: User, act: str) -> None:
    before = _state(victim)
    own = client_of(victim)
    client = client_of(factories.make_user(Role.SUPPORT))
    answer = client.post(f"/api/admin/users/{victim.id}/{act}", json=ACTS[act])
    assert answer.status_code == 403
    page = act.split("/", maxsplit=1)[0]
    assert client.get(f"/admin/users/{victim.id}/{page}").status_code == 403
    assert _state(victim) == before
    assert own.get("/api/auth/me").status_code == 200
    assert db.session.query(Mail).filter_by(to_email=victim.email).count() == 0


@pytest.mark.parametrize("act", ["role", "second-factor/reset"])
def test_support_gives_no_role_and_takes_no_factor(
    client_of: ClientOf, learner: User, act: str
) -> None:
    client = client_of(factories.make_user(Role.SUPPORT))
    body = {"role": "support"} if act == "role" else {}
    assert client.post(f"/api/admin/users/{learner.id}/{act}", json=body).status_code == 403
    assert _role(learner) is Role.LEARNER


@every_act
@pytest.mark.parametrize("role", [Role.SUPPORT, Role.ADMIN])
def test_nobody_acts_on_themselves(client_of: ClientOf, role: Role, act: str) -> None:
    """Also not to sign out or to lose a factor: one's own account pages ask for more."""
    person = factories.make_user(role)
    factories.make_user(Role.ADMIN)
    client = client_of(person)
    answer = client.post(f"/api/admin/users/{person.id}/{act}", json=ACTS[act])
    assert answer.status_code == 403
    assert _role(person) is role
    assert client.get("/api/auth/me").status_code == 200


@every_act
def test_stale_sign_in_acts_on_nobody(
    client_of: ClientOf, admin: User, learner: User, act: str
) -> None:
    """An unattended browser, or a stolen cookie: it is asked again who is there."""
    client = client_of(admin)
    before = _state(learner)
    with shifted(timedelta(minutes=16)):
        answer = client.post(f"/api/admin/users/{learner.id}/{act}", json=ACTS[act])
    assert (answer.status_code, answer.get_json()["code"]) == (403, "CONFIRMATION_REQUIRED")
    assert _state(learner) == before


@every_act
def test_key_of_an_administrator_acts_on_nobody(
    app: Flask, admin: User, learner: User, act: str
) -> None:
    before = _state(learner)
    program = keys.client_with(app, keys.make_key(admin, tuple(Scope)))
    answer = program.post(f"/api/admin/users/{learner.id}/{act}", json=ACTS[act])
    assert answer.status_code == 403
    assert _state(learner) == before


def test_key_reads_people_and_the_trail_with_its_scope_only(app: Flask, admin: User) -> None:
    paths = ("/api/admin/users", f"/api/admin/users/{admin.id}", "/api/admin/audit")
    allowed = keys.client_with(app, keys.make_key(admin, (Scope.ADMIN_READ,)))
    refused = keys.client_with(app, keys.make_key(admin, (Scope.PROFILE_READ,)))
    assert [allowed.get(path).status_code for path in paths] == [200, 200, 200]
    assert [refused.get(path).get_json()["code"] for path in paths] == ["SCOPE_MISSING"] * 3


@pytest.mark.parametrize("after", [Role.LEARNER, Role.ADMIN])
def test_nothing_opened_with_the_old_role_outlives_it(
    app: Flask, client_of: ClientOf, admin: User, after: Role
) -> None:
    """Down, so that nothing is kept; up, so that an old cookie or key gains nothing."""
    person = factories.make_user(Role.INSTRUCTOR)
    browser = client_of(person)
    program = keys.client_with(app, keys.make_key(person, (Scope.ADMIN_READ,)))
    assert browser.get("/admin").status_code == 200
    assert program.get("/api/admin/courses").status_code == 200
    answer = client_of(admin).post(f"/api/admin/users/{person.id}/role", json={"role": after})
    assert answer.get_json()["user"]["role"] == after
    assert browser.get("/admin").status_code == 303
    assert program.get("/api/admin/courses").status_code == 401


def test_form_token_of_another_is_no_good(client_of: ClientOf, admin: User, learner: User) -> None:
    foreign = html.csrf_token(client_of(factories.make_user()).get("/account").text)
    client = client_of(admin)
    path = f"/admin/users/{learner.id}/suspend"
    answer = client.post(path, data={"reason": "x", "csrf_token": foreign})
    assert answer.status_code == 400
    assert _state(learner)[1] is UserStatus.ACTIVE


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_site_makes_nobody_act(
    client_of: ClientOf, admin: User, learner: User, site: str
) -> None:
    client = client_of(admin)
    path = f"/api/admin/users/{learner.id}/suspend"
    answer = client.post(path, json=ACTS["suspend"], headers={"Sec-Fetch-Site": site})
    assert answer.status_code == 403
    assert _state(learner)[1] is UserStatus.ACTIVE


def test_every_refusal_of_an_act_names_who_tried(client_of: ClientOf, victim: User) -> None:
    attacker = factories.make_user(Role.SUPPORT)
    client = client_of(attacker)
    for act, body in ACTS.items():
        client.post(f"/api/admin/users/{victim.id}/{act}", json=body)
    tried = [
        (row.actor_id, row.subject_id, row.detail["endpoint"])
        for row in db.session.query(AuditEvent).filter_by(action="access.refused")
    ]
    assert len(tried) == len(ACTS)
    assert {row[:2] for row in tried} == {(attacker.id, victim.id)}
