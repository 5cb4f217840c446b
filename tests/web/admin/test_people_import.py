"""Importing people: the page that says what would happen, and the confirmation that does it."""

import io
from collections.abc import Callable
from datetime import timedelta

import pytest

from app.clock import shifted
from app.database import db
from app.domain.accounts.models import Role, User
from app.domain.audit.models import AuditEvent
from app.domain.courses.models import Course, Enrollment
from tests import factories
from tests.support import html
from tests.support.client import CheckedClient

ClientOf = Callable[[User], CheckedClient]
PATH = "/admin/users/import"
TEXT = "email,name,course\nnew@example.com,New Person,\nbroken,,\n"


@pytest.fixture
def desk(client_of: ClientOf, admin: User) -> CheckedClient:
    """An administrator at work."""
    return client_of(admin)


def _send(client: CheckedClient, content: bytes, course_id: str = ""):
    token = html.csrf_token(client.get(PATH).text)
    file = (io.BytesIO(content), "people.csv")
    data = {"csrf_token": token, "file": file, "course_id": course_id}
    return client.post(PATH, data=data, content_type="multipart/form-data")


def test_a_file_is_looked_at_then_confirmed(desk: CheckedClient, course: Course) -> None:
    looked = _send(desk, TEXT.encode(), str(course.id))
    page = html.parse(looked.text)
    shown = page.main.get_text(" ", strip=True)  # type: ignore[union-attr]
    assert looked.status_code == 200
    assert "Nothing has been done yet" in shown
    assert "New account, enrolled" in shown
    assert "Enter an e-mail address like" in shown
    assert db.session.query(User).filter_by(email="new@example.com").count() == 0
    form = {
        field["name"]: field.get("value", "")
        for field in page.select("main form input, main form button[name]")
    }
    done = desk.post(PATH, data=form)
    assert (done.status_code, done.headers["Location"]) == (
        303,
        f"/admin/enrollments?course_id={course.id}",
    )
    told = desk.get(done.headers["Location"]).text
    assert "1 account is made. 1 person is enrolled. 1 line was left out." in told
    user = db.session.query(User).filter_by(email="new@example.com").one()
    assert db.session.query(Enrollment).filter_by(user_id=user.id).count() == 1
    assert desk.post(PATH, data=form).status_code == 303  # a second click
    assert db.session.query(Enrollment).count() == 1
    actions = [event.action for event in db.session.query(AuditEvent).order_by(AuditEvent.id)]
    assert actions.count("account.created") == actions.count("enrollment.granted") == 1
    assert actions.count("people.imported") == 2


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "names its columns"),
        (b"PK\x03\x04\xff\xff\xff", "UTF-8"),
        (b"a,b,c\n", "names its columns"),
    ],
    ids=["empty", "zip", "header"],
)
def test_a_file_that_cannot_be_used_is_told_at_its_field(
    desk: CheckedClient, content: bytes, told: str
) -> None:
    answer = _send(desk, content)
    assert answer.status_code == 422
    assert told in html.parse(answer.text).select_one("#file-error").text  # type: ignore[union-attr]


def test_hostile_cells_stay_text(desk: CheckedClient) -> None:
    answer = _send(desk, b"email,name,course\n<b>@x,=cmd|' /C calc'!A0,<script>alert(1)</script>\n")
    assert "<script>alert" not in answer.text
    assert "Left out" in answer.text


def test_importing_wants_a_proof_of_who_one_is(desk: CheckedClient) -> None:
    with shifted(timedelta(minutes=20)):
        answer = desk.get(PATH)
        assert answer.headers["Location"].startswith("/account/confirm")
        refused = desk.post("/api/admin/users/import", json={"text": TEXT, "dry_run": False})
    assert refused.get_json()["code"] == "CONFIRMATION_REQUIRED"
    assert db.session.query(User).filter_by(email="new@example.com").count() == 0


def test_others_of_the_staff_import_nobody(client_of: ClientOf) -> None:
    for role in (Role.INSTRUCTOR, Role.SUPPORT):
        client = client_of(factories.make_user(role))
        assert client.get(PATH).status_code == 403
        assert client.post("/api/admin/users/import", json={"text": TEXT}).status_code == 403


def test_a_program_tries_first(desk: CheckedClient, course: Course) -> None:
    body = {"text": TEXT, "course_id": str(course.id)}
    tried = desk.post("/api/admin/users/import", json=body).get_json()
    assert (tried["dry_run"], tried["accounts"], tried["faults"]) == (True, 1, 1)
    assert tried["lines"][0]["outcome"] == "account_and_enrollment"
    assert db.session.query(Enrollment).count() == 0
    done = desk.post("/api/admin/users/import", json={**body, "dry_run": False}).get_json()
    assert (done["dry_run"], done["enrollments"]) == (False, 1)
    assert db.session.query(Enrollment).count() == 1
