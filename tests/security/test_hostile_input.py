"""Threat 8 and plain mischief: wrong, huge and surplus input is refused and changes nothing."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from app.database import db
from app.domain.accounts.models import Role, User
from app.domain.courses.models import Course, Lesson, LessonProgress
from tests.support import html, player
from tests.support.client import CheckedClient
from tests.support.player import Stream

ClientOf = Callable[[User], CheckedClient]
NOT_JSON = ["", "{", "[1,2", "nul", "{'a': 1}", "\x00", '"\\ud800"', "\ufeff{}"]
NOT_AN_OBJECT = ["[]", "null", "1", '"text"', "true"]
JSON_DOORS = ["/api/auth/login", "/api/auth/register", "/api/playback/token"]


@pytest.fixture
def stream(client_of: ClientOf, enrolled: User, video_lesson: Lesson) -> Stream:
    """A running stream."""
    return player.start(client_of(enrolled), video_lesson)


def _is_problem(response: Any, status: int | tuple[int, ...]) -> bool:
    expected = status if isinstance(status, tuple) else (status,)
    document = response.get_json()
    members = {"type", "title", "status", "detail", "code", "request_id"}
    return (
        response.status_code in expected
        and response.mimetype == "application/problem+json"
        and members <= set(document)
        and document["status"] == response.status_code
    )


@pytest.mark.parametrize("path", JSON_DOORS)
@pytest.mark.parametrize("body", NOT_JSON + NOT_AN_OBJECT)
def test_what_is_no_json_object_is_a_bad_request(
    client_of: ClientOf, learner: User, path: str, body: str
) -> None:
    data = body.encode("utf-8", "surrogatepass")
    response = client_of(learner).post(path, data=data, content_type="application/json")
    assert _is_problem(response, 400), response.text


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/api/auth/login", {"email": 1, "password": "x"}, "email"),
        ("/api/auth/login", {"email": "a@example.com"}, "password"),
        ("/api/auth/login", {"email": ["a"], "password": {"x": 1}}, "email"),
        ("/api/auth/register", {"email": "a@b.example", "password": "x", "name": 5}, "name"),
        ("/api/playback/token", {"lesson_id": 5}, "lesson_id"),
        ("/api/playback/token", {}, "lesson_id"),
        ("/api/playback/token", {"lesson_id": "' OR 1=1 --"}, "lesson_id"),
    ],
)
def test_a_wrong_type_is_named_by_its_field(
    client_of: ClientOf, learner: User, path: str, body: dict[str, Any], field: str
) -> None:
    response = client_of(learner).post(path, json=body)
    assert _is_problem(response, 422), response.text
    assert field in {error["field"] for error in response.get_json()["errors"]}


def test_a_role_cannot_be_given_to_oneself(client: CheckedClient) -> None:
    body = {"email": "me@example.com", "password": "a-fine-long-password-7", "name": "Me"}
    for surplus in ({"role": "admin"}, {"is_admin": True}, {"status": "active"}, {"id": "1"}):
        response = client.post("/api/auth/register", json={**body, **surplus})
        assert _is_problem(response, 422)
    assert client.post("/api/auth/register", json=body).status_code == 202
    assert db.session.query(User).filter_by(email="me@example.com").one().role is Role.LEARNER


def test_a_role_field_in_the_sign_up_form_is_ignored(client: CheckedClient) -> None:
    data = {"email": "form@example.com", "password": "a-fine-long-password-7", "name": "Me"}
    response = client.post_form("/auth/sign-up", {**data, "role": "admin"})
    assert response.status_code == 303
    assert db.session.query(User).filter_by(email="form@example.com").one().role is Role.LEARNER


@pytest.mark.parametrize(
    "change",
    [
        {"position_seconds": -1},
        {"position_seconds": "12"},
        {"position_seconds": 1e300},
        {"position_seconds": None},
        {"watched": "all"},
        {"watched": [[0]]},
        {"watched": [[0, 1, 2]]},
        {"watched": [["a", "b"]]},
        {"watched": [[0, 1]] * 5000},
        {"watched": [[-5, 10]]},
        {"rate": 0},
        {"rate": 99},
        {"playing": "yes"},
        {"course_percent": 100},
        {"completed": True},
    ],
    ids=str,
)
def test_a_malformed_heartbeat_saves_nothing(stream: Stream, change: dict[str, Any]) -> None:
    position = change.pop("position_seconds", 10.0) if "position_seconds" in change else 10.0
    response = stream.heartbeat(position, **change)
    assert _is_problem(response, 422), response.text
    assert db.session.query(LessonProgress).count() == 0


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity", "1e400"])
def test_numbers_that_are_none_are_refused(stream: Stream, literal: str) -> None:
    body = '{"position_seconds": %s, "watched": []}' % literal  # noqa: UP031
    path = f"/api/playback/sessions/{stream.session_id}/heartbeat"
    response = stream.client.post(path, data=body, content_type="application/json")
    assert _is_problem(response, (400, 422)), response.text
    assert db.session.query(LessonProgress).count() == 0


def test_claiming_to_have_watched_everything_completes_nothing(
    stream: Stream, video_lesson: Lesson
) -> None:
    """One heartbeat right after the start cannot have seen a minute of video."""
    response = stream.heartbeat(59.0, watched=[[0, 60]])
    assert response.status_code == 200
    assert response.get_json()["lesson_completed"] is False
    response = stream.heartbeat(59.0, watched=[[0, 60]] * 20, rate=4.0)
    assert response.get_json()["lesson_completed"] is False


def test_a_huge_body_is_turned_away(client_of: ClientOf, learner: User) -> None:
    client = client_of(learner)
    body = json.dumps({"lesson_id": "x" * (2 * 1024 * 1024)})
    response = client.post("/api/playback/token", data=body, content_type="application/json")
    assert _is_problem(response, 413), response.text
    form = client.post("/auth/sign-out", data={"csrf_token": "x" * (2 * 1024 * 1024)})
    assert form.status_code == 413
    assert form.mimetype == "text/html"


def test_deep_nesting_is_no_crash(client: CheckedClient) -> None:
    body = "[" * 100_000 + "]" * 100_000
    response = client.post("/api/auth/login", data=body, content_type="application/json")
    assert _is_problem(response, 400), response.text[:300]


@pytest.mark.parametrize(
    "query",
    [
        {"page": "0"},
        {"page": "-1"},
        {"page": "99999999999999999999"},
        {"page": "x"},
        {"q": "\x00"},
        {"q": "%' OR '1'='1"},
        {"q": "a" * 5000},
        {"q": "\\"},
        {"q": "&|!():*<->"},
        {"sort": "password"},
        {"level": "wizard"},
        {"category": "no-such"},
        {"language": "xx-invalid"},
        {"price": "cheap"},
    ],
    ids=str,
)
@pytest.mark.parametrize("path", ["/courses", "/api/courses"])
def test_odd_filters_are_a_page_and_no_crash(
    client: CheckedClient, course: Course, query: dict[str, str], path: str
) -> None:
    response = client.get(path, query_string=query)
    assert response.status_code in (200, 400, 404, 422)
    if response.status_code != 200 and path.startswith("/api/"):
        assert _is_problem(response, response.status_code)


def test_markup_in_texts_is_shown_as_text(client: CheckedClient, course: Course) -> None:
    """Threat 9. Titles are text; descriptions and lessons are cleaned Markdown."""
    bad = '<script>alert(1)</script><img src=x onerror="alert(2)">'
    course.title = f"Title {bad}"
    course.pitch = f"Pitch {bad}"
    course.description = f"Text {bad} [link](javascript:alert(3))"
    course.outcomes = [f"Outcome {bad}"]
    db.session.commit()
    for path in (f"/courses/{course.slug}", "/courses", f"/courses?q={bad}"):
        page = client.get(path)
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        assert "<img src=x" not in page.text
        assert 'href="javascript:' not in page.text


def test_markup_in_a_lesson_is_cleaned(
    client_of: ClientOf, enrolled: User, course: Course, text_lesson: Lesson
) -> None:
    text_lesson.body = (
        "# Heading\n\n<script>alert(1)</script>\n\n<iframe src=//evil.example></iframe>\n\n"
        "[x](javascript:alert(2)) ![i](data:text/html,x) <a onclick=alert(3) style=x>y</a>\n"
    )
    db.session.commit()
    page = client_of(enrolled).get(f"/learn/{course.slug}/{text_lesson.id}")
    assert page.status_code == 200
    article = html.parse(page.text).find("main")
    assert article is not None
    assert "alert(2)" in article.get_text()
    assert article.find_all(["iframe", "object", "embed", "style"]) == []
    addresses = [tag.get("href") or tag.get("src") for tag in article.find_all(["a", "img"])]
    assert [a for a in addresses if a and a.startswith(("javascript:", "data:"))] == []


@pytest.mark.parametrize("limit", ["0", "101", "-1", "x", "1e2", "0000101", "00011000", "\u0661"])
@pytest.mark.parametrize("path", ["/admin/courses", "/api/admin/courses", "/api/admin/media"])
def test_a_list_is_never_asked_for_whole(
    client_of: ClientOf, admin: User, path: str, limit: str
) -> None:
    response = client_of(admin).get(path, query_string={"limit": limit})
    assert response.status_code == 422


@pytest.mark.parametrize("cursor", ["x", "AAAA", "é", "a" * 5000, "MjAyNi0wMS0wMQ"])
def test_a_made_up_cursor_is_refused(client_of: ClientOf, admin: User, cursor: str) -> None:
    response = client_of(admin).get("/api/admin/courses", query_string={"cursor": cursor})
    assert _is_problem(response, 422)
