"""The pages and the JSON about people in courses: looking, enrolling, deciding, inviting."""

from collections.abc import Callable

import pytest

from app.clock import utcnow
from app.database import db
from app.domain.accounts.models import Role, User
from app.domain.audit.models import AuditEvent
from app.domain.courses.admission_models import CourseInvitation, EnrollmentRequest
from app.domain.courses.models import Course, Enrollment, Lesson
from tests import factories
from tests.support import html, player
from tests.support.client import CheckedClient

ClientOf = Callable[[User], CheckedClient]
LIST, REQUESTS = "/admin/enrollments", "/admin/enrollments/requests"
INVITATIONS, REMOVE = "/admin/enrollments/invitations", "/admin/enrollments/remove"


@pytest.fixture
def desk(client_of: ClientOf, instructor: User) -> CheckedClient:
    """The teacher of `course` at work."""
    return client_of(instructor)


def _main(text: str) -> str:
    return html.parse(text).main.get_text(" ", strip=True)  # type: ignore[union-attr]


def _events(action: str) -> list[AuditEvent]:
    db.session.expire_all()
    return list(db.session.query(AuditEvent).filter_by(action=action))


def test_somebody_is_enrolled_by_address_and_removed_again(
    desk: CheckedClient, learner: User, course: Course
) -> None:
    form = {"course_id": str(course.id), "email": learner.email}
    answer = desk.post_form(LIST, form)
    assert answer.headers["Location"] == f"{LIST}?course_id={course.id}"
    assert "Lea Learner" in _main(desk.get(LIST).text)
    enrollment = db.session.query(Enrollment).one()
    asks = f"{REMOVE}?enrollment={enrollment.id}"
    told = _main(desk.get(asks).text)
    assert "Lea Learner" in told
    assert "Progress is kept" in told
    assert desk.post_form(REMOVE, {"enrollment": str(enrollment.id)}, page=asks).status_code == 303
    assert "Lea Learner" not in _main(desk.get(LIST).text)
    for action in ("enrollment.granted", "enrollment.revoked"):
        (event,) = _events(action)
        assert (event.subject_id, event.detail) == (learner.id, {"course_id": str(course.id)})


def test_a_stream_ends_when_its_viewer_is_removed(
    client_of: ClientOf, desk: CheckedClient, enrolled: User, course: Course, video_lesson: Lesson
) -> None:
    viewer = client_of(enrolled)
    stream = player.start(viewer, video_lesson).open()
    manifest = stream.addresses["manifest"]
    assert viewer.get(manifest).status_code == 200
    enrollment = db.session.query(Enrollment).filter_by(user_id=enrolled.id).one()
    assert desk.delete(f"/api/admin/enrollments/{enrollment.id}").status_code == 204
    ended = viewer.get(manifest)
    assert (ended.status_code, ended.get_json()["reason"]) == (410, "enrollment_revoked")


def test_a_wrong_address_is_told_at_its_field(desk: CheckedClient, course: Course) -> None:
    answer = desk.post_form(LIST, {"course_id": str(course.id), "email": "nobody@example.com"})
    assert answer.status_code == 422
    assert "Nobody here has this address" in html.parse(answer.text).select_one("#email-error").text  # type: ignore[union-attr]


def test_requests_are_decided_together_and_counted(
    desk: CheckedClient, instructor: User, course: Course
) -> None:
    waiting = [factories.make_request(factories.make_user(), course) for _ in range(3)]
    assert "waiting: 3" in _main(desk.get(LIST).text)
    chosen = {"request": [str(row.id) for row in waiting[:2]], "decision": "approve"}
    desk.post_form(REQUESTS, chosen)
    desk.post_form(REQUESTS, {"request": str(waiting[2].id), "decision": "decline"})
    assert db.session.query(Enrollment).count() == 2
    assert len(_events("enrollment_request.approved")) == 2
    assert len(_events("enrollment_request.declined")) == 1
    assert "Nobody is waiting" in _main(desk.get(REQUESTS).text)
    assert "Decided" in _main(desk.get(f"{REQUESTS}?status=declined").text)


def test_deciding_about_nobody_says_what_to_do(desk: CheckedClient, course: Course) -> None:
    factories.make_request(factories.make_user(), course)
    answer = desk.post_form(REQUESTS, {"decision": "approve", "request": []})
    assert answer.status_code == 422
    assert "Tick at least one person" in answer.text


def test_a_note_is_shown_as_text(desk: CheckedClient, learner: User, course: Course) -> None:
    factories.make_request(learner, course, note="<script>alert(1)</script>")
    text = desk.get(REQUESTS).text
    assert "&lt;script&gt;alert(1)" in text
    assert "<script>alert" not in text


def test_people_are_invited_and_the_invitation_taken_back(
    desk: CheckedClient, course: Course
) -> None:
    form = {"course_id": str(course.id), "emails": "a@example.com, b@example.com;\nc@example.com"}
    assert desk.post_form(INVITATIONS, form).status_code == 303
    shown = desk.get(INVITATIONS)
    assert "3 invitations are sent." in shown.text
    row = db.session.query(CourseInvitation).filter_by(email="b@example.com").one()
    path = f"{INVITATIONS}/{row.id}/withdraw"
    assert desk.post_form(path, page=INVITATIONS).status_code == 303
    assert "b@example.com" not in _main(desk.get(INVITATIONS).text)
    assert _events("invitation.sent")[0].detail == {"count": 3}


def test_support_looks_and_is_offered_nothing_to_change(
    client_of: ClientOf, enrolled: User, course: Course
) -> None:
    support = client_of(factories.make_user(Role.SUPPORT))
    factories.make_request(factories.make_user(), course)
    for path in (LIST, REQUESTS, INVITATIONS):
        page = html.parse(support.get(path).text).main
        assert not page.select("form[method=post] button")  # type: ignore[union-attr]
        assert not page.select("input[type=checkbox]")  # type: ignore[union-attr]


def test_colleagues_see_and_touch_nothing(
    client_of: ClientOf, enrolled: User, course: Course
) -> None:
    colleague = client_of(factories.make_user(Role.INSTRUCTOR))
    enrollment = db.session.query(Enrollment).one()
    request = factories.make_request(factories.make_user(), course)
    assert enrolled.email not in colleague.get(f"{LIST}?course_id={course.id}").text
    assert colleague.get(f"{REMOVE}?enrollment={enrollment.id}").status_code == 404
    page = colleague.get(LIST).text
    data = {"csrf_token": html.csrf_token(page), "request": str(request.id), "decision": "approve"}
    assert colleague.post(REQUESTS, data=data).status_code == 404
    assert db.session.query(EnrollmentRequest).one().status == "pending"


def test_a_program_enrols_lists_and_removes(
    desk: CheckedClient, learner: User, course: Course
) -> None:
    body = {"course_id": str(course.id), "email": learner.email}
    first, second = (desk.post("/api/admin/enrollments", json=body) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 200)
    shown = first.get_json()["enrollment"]
    assert shown["user"] == {"id": str(learner.id), "name": "Lea Learner", "email": learner.email}
    assert shown["course"]["slug"] == course.slug
    listed = desk.get(f"/api/admin/enrollments?q=lea&course_id={course.id}").get_json()
    assert [item["id"] for item in listed["items"]] == [shown["id"]]
    path = f"/api/admin/enrollments/{shown['id']}"
    assert [desk.delete(path).status_code for _ in range(2)] == [204, 204]
    assert desk.get("/api/admin/enrollments").get_json()["items"] == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "course_id"),
        ({"course_id": "x"}, "course_id"),
        ({"email": "lea@example.com", "role": "admin"}, "role"),
    ],
)
def test_wrong_fields_are_named(desk: CheckedClient, body: dict[str, str], field: str) -> None:
    answer = desk.post("/api/admin/enrollments", json=body)
    assert answer.status_code == 422
    assert field in {error["field"] for error in answer.get_json()["errors"]}


def test_one_names_a_person_one_way(desk: CheckedClient, learner: User, course: Course) -> None:
    for who in ({}, {"email": learner.email, "user_id": str(learner.id)}):
        answer = desk.post("/api/admin/enrollments", json={"course_id": str(course.id), **who})
        assert answer.status_code == 422


def test_a_program_decides_once(desk: CheckedClient, learner: User, course: Course) -> None:
    request = factories.make_request(learner, course, note="Please.")
    (item,) = desk.get("/api/admin/enrollment-requests").get_json()["items"]
    assert (item["note"], item["status"]) == ("Please.", "pending")
    path = f"/api/admin/enrollment-requests/{request.id}/approve"
    answers = [desk.post(path, json={}).get_json() for _ in range(2)]
    assert answers == [{"changed": True}, {"changed": False}]
    assert desk.get("/api/admin/enrollment-requests").get_json()["items"] == []
    approved = desk.get("/api/admin/enrollment-requests?status=approved").get_json()["items"]
    assert [item["user"]["id"] for item in approved] == [str(learner.id)]


def test_a_program_invites(desk: CheckedClient, enrolled: User, course: Course) -> None:
    body = {"course_id": str(course.id), "emails": ["guest@example.com", enrolled.email]}
    answer = desk.post("/api/admin/invitations", json=body)
    assert answer.status_code == 201
    assert answer.get_json() == {
        "invited": ["guest@example.com"],
        "already_invited": [],
        "already_enrolled": [enrolled.email],
    }
    (item,) = desk.get("/api/admin/invitations?q=GUEST").get_json()["items"]
    assert desk.delete(f"/api/admin/invitations/{item['id']}").status_code == 204
    assert desk.delete(f"/api/admin/invitations/{item['id']}").status_code == 404


def test_lists_are_walked_by_cursor(desk: CheckedClient, course: Course) -> None:
    for _ in range(3):
        factories.make_enrollment(factories.make_user(), course)
    first = desk.get("/api/admin/enrollments?limit=2").get_json()
    rest = desk.get(f"/api/admin/enrollments?limit=2&cursor={first['next_cursor']}").get_json()
    ids = [item["id"] for item in (*first["items"], *rest["items"])]
    assert (len(ids), len(set(ids)), rest["next_cursor"]) == (3, 3, None)


def test_signs_that_no_text_can_hold_find_nobody(desk: CheckedClient) -> None:
    assert desk.get("/api/admin/enrollments?q=%00").get_json()["items"] == []
    assert desk.get("/api/admin/invitations?q=%00").get_json()["items"] == []


def test_the_trail_keeps_no_address(desk: CheckedClient, course: Course) -> None:
    body = {"course_id": str(course.id), "emails": ["guest@example.com"]}
    desk.post("/api/admin/invitations", json=body)
    assert "guest@example.com" not in str([event.detail for event in _events("invitation.sent")])
    assert utcnow() >= _events("invitation.sent")[0].occurred_at
