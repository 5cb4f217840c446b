"""Wanting into a course: what the page offers, what the form and the program are answered."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from app.clock import shifted, utcnow
from app.database import db
from app.domain.accounts.models import User
from app.domain.courses.admission_models import EnrollmentRequest
from app.domain.courses.models import Course, Enrollment, EnrollmentPolicy
from tests import factories
from tests.support import html
from tests.support.client import CheckedClient

ClientOf = Callable[[User], CheckedClient]


@pytest.fixture
def pupil(client_of: ClientOf, learner: User) -> CheckedClient:
    """The browser of somebody who is not in yet."""
    return client_of(learner)


def _close(course: Course, policy: EnrollmentPolicy) -> str:
    course.enrollment_policy = policy
    db.session.commit()
    return f"/courses/{course.slug}"


def _side(client: CheckedClient, path: str) -> str:
    side = html.parse(client.get(path).text).select_one(".course__side")
    return side.get_text(" ", strip=True)  # type: ignore[union-attr]


def test_asking_waiting_and_taking_back_by_form(
    pupil: CheckedClient, learner: User, course: Course
) -> None:
    path = _close(course, EnrollmentPolicy.APPROVAL)
    assert "Ask for a place" in _side(pupil, path)
    answer = pupil.post_form(f"{path}/enroll", {"note": "I weave."}, page=path)
    assert (answer.status_code, answer.headers["Location"]) == (303, path)
    assert "You asked for a place on" in _side(pupil, path)
    assert [row.note for row in db.session.query(EnrollmentRequest)] == ["I weave."]
    assert pupil.post_form(f"{path}/take-back", page=path).status_code == 303
    assert "Ask for a place" in _side(pupil, path)
    assert db.session.query(EnrollmentRequest).count() == 0


def test_a_note_is_shown_to_staff_as_text_only(pupil: CheckedClient, course: Course) -> None:
    path = _close(course, EnrollmentPolicy.APPROVAL)
    long = pupil.post_form(f"{path}/enroll", {"note": "<b>" * 300}, page=path)
    assert long.status_code == 422
    assert "at most 500" in long.text


def test_a_program_asks_once_and_is_told_where_it_stands(
    pupil: CheckedClient, course: Course
) -> None:
    _close(course, EnrollmentPolicy.APPROVAL)
    path = f"/api/courses/{course.slug}"
    answers = [pupil.post(f"{path}/enroll", json={"note": "Please."}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].get_json()["request"]["status"] == "pending"
    document = pupil.get(path).get_json()
    assert (document["primary_action"], document["enrollment_policy"]) == ("wait", "approval")
    assert document["request"]["status"] == "pending"
    assert db.session.query(EnrollmentRequest).count() == 1


def test_a_program_that_was_declined_is_told_when_to_ask_again(
    pupil: CheckedClient, learner: User, course: Course
) -> None:
    _close(course, EnrollmentPolicy.APPROVAL)
    factories.make_request(learner, course, status="declined", decided_at=utcnow())
    refused = pupil.post(f"/api/courses/{course.slug}/enroll", json={})
    document = refused.get_json()
    assert (refused.status_code, document["code"]) == (403, "APPROVAL_REQUIRED")
    assert document["request"]["ask_again_at"].endswith("Z")
    assert "declined on" in _side(pupil, f"/courses/{course.slug}")
    with shifted(timedelta(days=8)):
        assert pupil.post(f"/api/courses/{course.slug}/enroll", json={}).status_code == 202


def test_a_course_by_invitation_says_so_and_lets_nobody_else_in(
    pupil: CheckedClient, client: CheckedClient, course: Course
) -> None:
    path = _close(course, EnrollmentPolicy.INVITATION)
    assert "This course is by invitation." in _side(client, path)
    assert "by invitation. If you were invited" in _side(pupil, path)
    refused = pupil.post(f"/api/courses/{course.slug}/enroll", json={})
    assert (refused.status_code, refused.get_json()["code"]) == (403, "INVITATION_REQUIRED")
    assert db.session.query(Enrollment).count() == 0


def test_an_invitation_is_accepted_by_one_click(client_of: ClientOf, course: Course) -> None:
    path = _close(course, EnrollmentPolicy.INVITATION)
    guest = factories.make_user(email="guest@example.com", email_verified_at=utcnow())
    invitation = factories.make_invitation("guest@example.com", course)
    client = client_of(guest)
    assert "Accept the invitation" in _side(client, path)
    assert client.get(f"/api{path}").get_json()["is_invited"] is True
    answer = client.post_form(f"{path}/enroll", page=path)
    assert answer.headers["Location"] == f"/learn/{course.slug}"
    db.session.refresh(invitation)
    assert invitation.accepted_at is not None


def test_who_was_removed_is_told_and_finds_no_button(
    pupil: CheckedClient, learner: User, course: Course
) -> None:
    factories.make_enrollment(learner, course, revoked_at=utcnow())
    side = _side(pupil, f"/courses/{course.slug}")
    assert "access to this course was withdrawn" in side
    assert "Enrol" not in side
