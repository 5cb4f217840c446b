"""Learning pages: the lesson, going on, ticking off."""

from collections.abc import Callable

import pytest

from app.database import db
from app.domain.accounts.models import User
from app.domain.courses.models import Course, Lesson, LessonProgress
from tests import factories
from tests.support import html
from tests.support.client import CheckedClient
from tests.support.statements import recorded

ClientOf = Callable[[User], CheckedClient]


def _path(course: Course, lesson: Lesson) -> str:
    return f"/learn/{course.slug}/{lesson.id}"


def test_enrolled_learner_sees_lesson_and_outline(
    client_of: ClientOf, enrolled: User, course: Course, text_lesson: Lesson
) -> None:
    response = client_of(enrolled).get(_path(course, text_lesson))
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "private, no-store"
    page = html.parse(response.text)
    assert page.h1.get_text() == "Reading list"  # type: ignore[union-attr]
    assert page.select_one(".prose em").get_text() == "this"  # type: ignore[union-attr]
    assert "The loom" in response.text


def test_outsider_is_shown_the_lock_and_not_the_text(
    client_of: ClientOf, outsider: User, course: Course, text_lesson: Lesson
) -> None:
    response = client_of(outsider).get(_path(course, text_lesson))
    assert response.status_code == 403
    assert html.parse(response.text).select_one(".prose") is None
    assert f"/courses/{course.slug}" in response.text


def test_preview_is_open_to_every_account(
    client_of: ClientOf, outsider: User, course: Course, preview_lesson: Lesson
) -> None:
    assert client_of(outsider).get(_path(course, preview_lesson)).status_code == 200


def test_visitor_is_asked_to_sign_in_first(
    client: CheckedClient, course: Course, preview_lesson: Lesson
) -> None:
    response = client.get(_path(course, preview_lesson))
    assert response.status_code == 303
    assert str(preview_lesson.id) in response.headers["Location"]


def test_going_on_leads_to_the_next_unfinished_lesson(
    client_of: ClientOf,
    enrolled: User,
    course: Course,
    video_lesson: Lesson,
    preview_lesson: Lesson,
) -> None:
    client = client_of(enrolled)
    first = client.get(f"/learn/{course.slug}")
    assert first.headers["Location"] == _path(course, video_lesson)
    client.post_form(f"{_path(course, video_lesson)}/complete", page=_path(course, video_lesson))
    second = client.get(f"/learn/{course.slug}")
    assert second.headers["Location"] == _path(course, preview_lesson)


@pytest.mark.parametrize("lessons", [0, 1])
def test_going_on_without_access_or_lessons_leads_to_the_course(
    client_of: ClientOf, learner: User, lessons: int
) -> None:
    course = factories.make_course()
    if lessons:
        factories.make_lesson(factories.make_section(course))
    else:
        factories.make_enrollment(learner, course)
    response = client_of(learner).get(f"/learn/{course.slug}")
    assert (response.status_code, response.headers["Location"]) == (303, f"/courses/{course.slug}")


def test_going_on_in_an_unknown_course_is_not_found(client_of: ClientOf, learner: User) -> None:
    assert client_of(learner).get("/learn/no-such-course").status_code == 404


def test_ticking_off_returns_to_the_lesson(
    client_of: ClientOf, enrolled: User, course: Course, text_lesson: Lesson
) -> None:
    client, path = client_of(enrolled), _path(course, text_lesson)
    response = client.post_form(f"{path}/complete", page=path)
    assert (response.status_code, response.headers["Location"]) == (303, path)
    row = db.session.get_one(LessonProgress, (enrolled.id, text_lesson.id))
    assert row.completed_at is not None
    progress = html.parse(client.get(path).text).select_one("progress")
    assert progress["value"] == "33"  # type: ignore[index]


def test_outsider_ticks_nothing_off(
    client_of: ClientOf, outsider: User, course: Course, text_lesson: Lesson
) -> None:
    client = client_of(outsider)
    data = {"csrf_token": html.csrf_token(client.get("/dashboard").text)}
    response = client.post(f"{_path(course, text_lesson)}/complete", data=data)
    assert response.status_code == 403
    assert db.session.query(LessonProgress).count() == 0


def test_a_lesson_is_not_ticked_off_under_another_course(
    client_of: ClientOf, enrolled: User, text_lesson: Lesson
) -> None:
    other = factories.make_course()
    client = client_of(enrolled)
    data = {"csrf_token": html.csrf_token(client.get("/dashboard").text)}
    response = client.post(f"/learn/{other.slug}/{text_lesson.id}/complete", data=data)
    assert response.status_code == 404
    assert db.session.query(LessonProgress).count() == 0


@pytest.mark.parametrize("lessons", [1, 40])
def test_the_page_costs_the_same_queries_however_long_the_course(
    client_of: ClientOf, learner: User, lessons: int
) -> None:
    course = factories.make_course()
    factories.make_enrollment(learner, course)
    section = factories.make_section(course)
    for position in range(lessons):
        factories.make_lesson(section, position)
    lesson = db.session.query(Lesson).filter_by(course_id=course.id).first()
    assert lesson
    client, path = client_of(learner), _path(course, lesson)
    client.get(path)
    with recorded() as statements:
        assert client.get(path).status_code == 200
    assert len(statements) == 3
