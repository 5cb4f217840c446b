"""Threat 10: what another site makes a browser send changes nothing here."""

from collections.abc import Callable

import pytest

from app.database import db
from app.domain.accounts.models import User
from app.domain.courses.models import Course, Enrollment
from tests.support import html
from tests.support.client import CheckedClient

ClientOf = Callable[[User], CheckedClient]
FOREIGN = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "http://localhost", "Sec-Fetch-Site": "cross-site"},
    {"Origin": "http://localhost.evil.example", "Sec-Fetch-Site": "same-origin"},
    {"Origin": "http://localhost:8000"},
]


def _enrollments(user: User) -> int:
    return db.session.query(Enrollment).filter_by(user_id=user.id).count()


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_foreign_form_is_refused_even_with_a_token(
    client_of: ClientOf, learner: User, course: Course, headers: dict[str, str]
) -> None:
    client = client_of(learner)
    token = html.csrf_token(client.get(f"/courses/{course.slug}").text)
    path = f"/courses/{course.slug}/enroll"
    response = client.post(path, data={"csrf_token": token}, headers=headers)
    assert response.status_code == 403
    assert _enrollments(learner) == 0


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_foreign_program_call_is_refused(
    client_of: ClientOf, learner: User, course: Course, headers: dict[str, str]
) -> None:
    path = f"/api/courses/{course.slug}/enroll"
    response = client_of(learner).post(path, json={}, headers=headers)
    assert response.status_code == 403
    assert response.get_json()["code"] == "FORBIDDEN"
    assert _enrollments(learner) == 0


@pytest.mark.parametrize(
    "headers",
    [{}, {"Origin": "http://localhost"}, {"Sec-Fetch-Site": "same-origin"}],
    ids=["script", "origin", "metadata"],
)
def test_own_pages_and_scripts_are_let_through(
    client_of: ClientOf, learner: User, course: Course, headers: dict[str, str]
) -> None:
    path = f"/api/courses/{course.slug}/enroll"
    assert client_of(learner).post(path, json={}, headers=headers).status_code == 201
    assert _enrollments(learner) == 1


@pytest.mark.parametrize("token", [None, "", "x" * 40])
def test_form_without_its_token_is_refused(
    client_of: ClientOf, learner: User, course: Course, token: str | None
) -> None:
    data = {} if token is None else {"csrf_token": token}
    response = client_of(learner).post(f"/courses/{course.slug}/enroll", data=data)
    assert response.status_code == 400
    assert _enrollments(learner) == 0


def test_token_of_another_visitor_is_refused(
    client: CheckedClient, client_of: ClientOf, learner: User, course: Course
) -> None:
    stolen = html.csrf_token(client.get("/auth/sign-in").text)
    path = f"/courses/{course.slug}/enroll"
    assert client_of(learner).post(path, data={"csrf_token": stolen}).status_code == 400
    assert _enrollments(learner) == 0


def test_signing_out_needs_a_form_of_ours(client_of: ClientOf, learner: User) -> None:
    """Signing somebody out from elsewhere would be a nuisance."""
    client = client_of(learner)
    assert client.get("/auth/sign-out").status_code == 405
    assert client.post("/auth/sign-out").status_code == 400
    assert client.get("/api/auth/me").status_code == 200


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "", None])
def test_json_disguised_as_a_simple_request_is_refused(
    client_of: ClientOf, enrolled: User, video_lesson: object, kind: str | None
) -> None:
    """Browsers send these kinds across sites without asking first."""
    client = client_of(enrolled)
    body = '{"lesson_id": "%s"}' % video_lesson.id  # type: ignore[attr-defined]  # noqa: UP031
    response = client.post("/api/playback/token", data=body, content_type=kind)
    assert response.status_code == 415
    assert client.get("/api/playback/sessions").get_json()["items"] == []


def test_foreign_sites_may_not_read_the_api(client_of: ClientOf, learner: User) -> None:
    response = client_of(learner).get("/api/auth/me", headers={"Origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in response.headers
    assert "Access-Control-Allow-Credentials" not in response.headers
