"""The JSON of courses: shapes, errors, and the same rules as the pages."""

import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from app.database import db
from app.domain.accounts.models import User
from app.domain.courses import progress
from app.domain.courses.models import Category, Course, Enrollment, Lesson
from app.web.courses.schemas import (
    CourseDetailDocument,
    CoursesDocument,
    EnrolledCoursesDocument,
    EnrolledDocument,
)
from tests import factories
from tests.support.client import CheckedClient

ClientOf = Callable[[User], CheckedClient]


def _problem(response: Any, status: int, code: str) -> dict[str, Any]:
    assert (response.status_code, response.mimetype) == (status, "application/problem+json")
    document: dict[str, Any] = response.get_json()
    assert {"type", "title", "status", "detail", "code", "request_id"} <= set(document)
    assert (document["status"], document["code"]) == (status, code)
    return document


def test_the_list_has_the_shape_of_lists(client: CheckedClient, course: Course) -> None:
    document = client.get("/api/courses").get_json()
    CoursesDocument.model_validate(document)
    assert {name: document[name] for name in ("page", "pages", "total")} == {
        "page": 1,
        "pages": 1,
        "total": 1,
    }
    category = db.session.get_one(Category, course.category_id)
    assert document["items"] == [
        {
            "id": str(course.id),
            "slug": course.slug,
            "title": "Weaving by hand",
            "pitch": course.pitch,
            "category": {"slug": category.slug, "name": category.name},
            "instructor": {"name": "Ines Teacher"},
            "level": "beginner",
            "language": "en",
            "lesson_count": 3,
            "duration_seconds": 120,
            "learner_count": 0,
            "price": {"amount_minor": 0, "currency": "USD"},
            "is_enrolled": False,
            "progress_percent": None,
        }
    ]


def test_the_list_knows_the_filters(client: CheckedClient, course: Course) -> None:
    factories.make_course(price_minor=900, language="am")
    for query, total in {
        "price=paid": 1,
        "language=am": 1,
        "language=en&price=free": 1,
        "q=weaving": 1,
        "category=no-such": 0,
        "level=": 2,
        "": 2,
    }.items():
        assert client.get(f"/api/courses?{query}").get_json()["total"] == total, query


def test_a_corrected_query_is_told(client: CheckedClient, course: Course) -> None:
    document = client.get("/api/courses?q=wevaing").get_json()
    assert (document["corrected_query"], document["total"]) == ("weaving", 1)


def test_a_page_past_the_end_is_an_empty_list(client: CheckedClient, course: Course) -> None:
    document = client.get("/api/courses?page=7").get_json()
    assert (document["items"], document["page"], document["pages"]) == ([], 7, 1)


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("page=abc", {"page"}),
        ("page=0", {"page"}),
        ("page=101", {"page"}),
        ("level=wizard", {"level"}),
        ("sort=password&price=cheap", {"sort", "price"}),
        ("language=..", {"language"}),
        ("category=No%20Such", {"category"}),
        ("q=" + "a" * 101, {"q"}),
    ],
)
def test_wrong_filters_are_named(client: CheckedClient, query: str, fields: set[str]) -> None:
    document = _problem(client.get(f"/api/courses?{query}"), 422, "INVALID_INPUT")
    assert {error["field"] for error in document["errors"]} == fields
    assert all(error["message"] for error in document["errors"])


def test_a_course_is_told_with_its_outline(
    client: CheckedClient, course: Course, video_lesson: Lesson
) -> None:
    document = client.get(f"/api/courses/{course.slug}").get_json()
    CourseDetailDocument.model_validate(document)
    (section,) = document["sections"]
    assert section["lessons"][0] == {
        "id": str(video_lesson.id),
        "title": "The loom",
        "kind": "video",
        "duration_seconds": 60,
        "preview": False,
        "locked": True,
        "opens_at": None,
        "completed": False,
    }
    assert [lesson["locked"] for lesson in section["lessons"]] == [True, False, True]
    assert (document["enrollment"], document["primary_action"]) == (None, "sign_in")


def test_a_course_is_told_as_the_learner_has_it(
    client_of: ClientOf, enrolled: User, course: Course, video_lesson: Lesson
) -> None:
    progress.mark_complete(enrolled.id, video_lesson.id)
    db.session.commit()
    document = client_of(enrolled).get(f"/api/courses/{course.slug}").get_json()
    CourseDetailDocument.model_validate(document)
    assert (document["is_enrolled"], document["progress_percent"]) == (True, 33)
    assert document["sections"][0]["lessons"][0]["completed"] is True
    assert document["enrollment"]["source"] == "free"
    created_at = document["enrollment"]["created_at"]
    assert created_at.endswith("Z")
    assert datetime.fromisoformat(created_at).tzinfo


def test_an_unknown_course_is_a_problem(client: CheckedClient) -> None:
    _problem(client.get("/api/courses/no-such-course"), 404, "NOT_FOUND")


def test_enrolling_answers_new_then_already(
    client_of: ClientOf, learner: User, course: Course
) -> None:
    client = client_of(learner)
    first = client.post(f"/api/courses/{course.slug}/enroll", json={})
    again = client.post(f"/api/courses/{course.slug}/enroll", json={})
    assert (first.status_code, again.status_code) == (201, 200)
    EnrolledDocument.model_validate(first.get_json())
    assert first.get_json() == again.get_json()
    enrollment = db.session.query(Enrollment).filter_by(user_id=learner.id).one()
    assert first.get_json()["enrollment"]["id"] == str(enrollment.id)


def test_enrolling_needs_no_body(client_of: ClientOf, learner: User, course: Course) -> None:
    assert client_of(learner).post(f"/api/courses/{course.slug}/enroll").status_code == 201


def test_a_priced_course_says_what_it_costs(client_of: ClientOf, learner: User) -> None:
    course = factories.make_course(price_minor=4900, currency="ETB")
    response = client_of(learner).post(f"/api/courses/{course.slug}/enroll", json={})
    document = _problem(response, 402, "PAYMENT_REQUIRED")
    assert document["price"] == {"amount_minor": 4900, "currency": "ETB"}


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"json": {"price_minor": 0}}, 422),
        ({"data": "not json", "content_type": "application/json"}, 400),
        ({"json": [1]}, 400),
        ({"data": {"a": "b"}}, 415),
    ],
    ids=str,
)
def test_a_strange_body_enrols_nobody(
    client_of: ClientOf, learner: User, course: Course, sent: dict[str, Any], status: int
) -> None:
    response = client_of(learner).post(f"/api/courses/{course.slug}/enroll", **sent)
    assert (response.status_code, response.mimetype) == (status, "application/problem+json")
    assert db.session.query(Enrollment).count() == 0


def test_a_visitor_enrols_nowhere(client: CheckedClient, course: Course) -> None:
    response = client.post(f"/api/courses/{course.slug}/enroll", json={})
    _problem(response, 401, "SIGN_IN_REQUIRED")


def test_ones_own_courses_are_listed(
    client_of: ClientOf, enrolled: User, course: Course, video_lesson: Lesson
) -> None:
    factories.make_course()
    document = client_of(enrolled).get("/api/courses/enrolled").get_json()
    EnrolledCoursesDocument.model_validate(document)
    (item,) = document["items"]
    assert (item["slug"], item["progress_percent"]) == (course.slug, 0)
    assert uuid.UUID(item["continue_lesson_id"]) == video_lesson.id
    assert (document["page"], document["pages"], document["total"]) == (1, 1, 1)


def test_ones_own_courses_have_pages(client_of: ClientOf, enrolled: User) -> None:
    client = client_of(enrolled)
    assert client.get("/api/courses/enrolled?page=2").get_json()["items"] == []
    _problem(client.get("/api/courses/enrolled?page=x"), 422, "INVALID_INPUT")


def test_nobodys_courses_are_not_listed(client: CheckedClient) -> None:
    _problem(client.get("/api/courses/enrolled"), 401, "SIGN_IN_REQUIRED")


@pytest.mark.parametrize("path", ["/api/courses", "/api/courses/{slug}", "/api/courses/enrolled"])
def test_programs_answers_are_not_kept(
    client_of: ClientOf, enrolled: User, course: Course, path: str
) -> None:
    response = client_of(enrolled).get(path.format(slug=course.slug))
    assert response.headers["Cache-Control"] == "private, no-store"
