"""Leaving: a fresh proof, the typed address, two weeks of grace on every page, and who may not."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app.clock import shifted, utcnow
from app.database import db
from app.domain.accounts.models import Role, User, UserStatus
from app.domain.audit.models import AuditEvent
from app.domain.courses.models import Course
from app.domain.outbox.models import Mail
from tests import factories
from tests.factories import PASSWORD
from tests.support import html
from tests.support.client import CheckedClient

ClientOf = Callable[[User], CheckedClient]
PAGE = "/account/data/delete"
KEEP = "/account/data/keep"
API = "/api/auth/deletion"


@pytest.fixture
def member() -> User:
    """Somebody who may leave."""
    return factories.make_user(email="mia@example.com", name="Mia Member", password=PASSWORD)


def _mails(user: User) -> list[str]:
    query = select(Mail.template).where(Mail.to_email == user.email).order_by(Mail.created_at)
    return list(db.session.scalars(query))


def _actions(user: User) -> list[str]:
    query = select(AuditEvent.action).where(AuditEvent.actor_id == user.id).order_by(AuditEvent.id)
    return list(db.session.scalars(query))


def _ask(client: CheckedClient, email: str):  # type: ignore[no-untyped-def]
    return client.post_form(PAGE, {"email": email})


def test_deletion_is_asked_for_and_put_off(client_of: ClientOf, member: User) -> None:
    client = client_of(member)
    response = _ask(client, " MIA@example.com ")
    assert (response.status_code, response.headers["Location"]) == (303, "/account/data")
    db.session.refresh(member)
    assert member.deletion_due_at is not None
    assert abs(member.deletion_due_at - utcnow() - timedelta(days=14)) < timedelta(minutes=1)
    assert _mails(member) == ["deletion_requested"]
    assert _actions(member) == ["deletion.requested"]
    assert client.get("/dashboard").status_code == 200
    signed_in = client_of(member)
    assert signed_in.get("/api/auth/me").status_code == 200


@pytest.mark.parametrize("typed", ["", "mia", "other@example.com", "mia@example.com\0"])
def test_another_address_confirms_nothing(client_of: ClientOf, member: User, typed: str) -> None:
    response = _ask(client_of(member), typed)
    assert response.status_code == 422
    field = html.parse(response.text).find("input", attrs={"name": "email"})
    assert field["aria-invalid"] == "true"
    db.session.refresh(member)
    assert member.deletion_due_at is None
    assert _mails(member) == []


def test_page_and_program_want_a_fresh_proof(client_of: ClientOf, member: User) -> None:
    client = client_of(member)
    token = html.csrf_token(client.get(PAGE).text)
    with shifted(timedelta(minutes=16)):
        for response in (
            client.get(PAGE),
            client.post(PAGE, data={"email": member.email, "csrf_token": token}),
        ):
            assert response.status_code == 303
            assert response.headers["Location"].startswith("/account/confirm")
        refused = client.post(API, json={"email": member.email})
        assert (refused.status_code, refused.get_json()["code"]) == (403, "CONFIRMATION_REQUIRED")
    db.session.refresh(member)
    assert member.deletion_due_at is None


def test_second_request_moves_nothing(client_of: ClientOf, member: User) -> None:
    client = client_of(member)
    first = client.post(API, json={"email": member.email})
    assert first.status_code == 202
    with shifted(timedelta(minutes=10)):
        again = client.post(API, json={"email": member.email})
    assert again.get_json() == first.get_json()
    assert _mails(member) == ["deletion_requested"]


@pytest.mark.parametrize(
    "path", ["/", "/courses", "/dashboard", "/account", "/legal/terms", "/courses/{slug}"]
)
def test_every_page_offers_to_keep_the_account(
    client: CheckedClient, client_of: ClientOf, member: User, course: Course, path: str
) -> None:
    path = path.format(slug=course.slug)
    own, other = client_of(member), client_of(factories.make_user())
    own.post(API, json={"email": member.email})
    assert html.parse(own.get(path).text).find("form", attrs={"action": KEEP})
    for stranger in (other, client):
        if path not in ("/dashboard", "/account") or stranger is other:
            assert KEEP not in stranger.get(path).text
    response = own.post_form(KEEP, page=path)
    assert (response.status_code, response.headers["Location"]) == (303, "/account/data")
    assert KEEP not in own.get(path).text


def test_date_is_that_of_the_persons_time_zone(
    app: Flask, client_of: ClientOf, member: User
) -> None:
    member.deletion_due_at = utcnow().replace(year=2031, month=5, day=6, hour=23, minute=30)
    db.session.commit()
    client = client_of(member)
    assert "May 6, 2031" in client.get("/courses").text
    member.timezone = "Africa/Addis_Ababa"
    db.session.commit()
    assert "May 7, 2031" in client.get("/courses").text


def test_keeping_the_account_is_told_once(client_of: ClientOf, member: User) -> None:
    client = client_of(member)
    client.post(API, json={"email": member.email})
    for _ in range(2):
        assert client.delete(API).status_code == 204
    assert client.get(API).get_json() == {"due_at": None, "obstacle": None}
    assert _mails(member) == ["deletion_requested", "deletion_cancelled"]
    assert _actions(member) == ["deletion.requested", "deletion.cancelled"]


def test_who_teaches_is_told_what_to_do_first(
    client_of: ClientOf, instructor: User, course: Course
) -> None:
    client = client_of(instructor)
    assert "You teach courses here." in client.get("/account/data").text
    page = client.get(PAGE)
    assert "You teach courses here." in page.text
    assert not html.parse(page.text).find("input", attrs={"name": "email"})
    token = html.csrf_token(page.text)
    posted = client.post(PAGE, data={"email": instructor.email, "csrf_token": token})
    assert posted.status_code == 422
    refused = client.post(API, json={"email": instructor.email})
    assert (refused.status_code, refused.get_json()["code"]) == (409, "DELETION_REFUSED")
    course.instructor_id = factories.make_user(Role.INSTRUCTOR).id
    db.session.commit()
    assert client.post(API, json={"email": instructor.email}).status_code == 202


def test_last_administrator_stays(client_of: ClientOf, admin: User) -> None:
    factories.make_user(Role.ADMIN, status=UserStatus.SUSPENDED)
    refused = client_of(admin).post(API, json={"email": admin.email})
    assert refused.status_code == 409
    assert "only administrator" in refused.get_json()["detail"]
    factories.make_user(Role.ADMIN)
    assert client_of(admin).post(API, json={"email": admin.email}).status_code == 202


def test_nobody_deletes_somebody_else(client_of: ClientOf, member: User, outsider: User) -> None:
    """There is no name to put in but one's own address."""
    client = client_of(outsider)
    assert client.post(API, json={"email": member.email}).status_code == 422
    body = {"email": outsider.email, "user_id": str(member.id)}
    assert client.post(API, json=body).status_code == 422
    db.session.refresh(member)
    assert member.deletion_due_at is None
