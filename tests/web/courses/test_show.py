"""The page of one course, and its one button."""

from collections.abc import Callable

import pytest

from app.database import db
from app.domain.accounts.models import User
from app.domain.courses.models import Course, CourseStatus, Enrollment, Lesson
from tests import factories
from tests.support import html
from tests.support.client import CheckedClient
from tests.support.statements import recorded

ClientOf = Callable[[User], CheckedClient]


def _main(text: str) -> str:
    return html.parse(text).main.get_text(" ", strip=True)  # type: ignore[union-attr]


def test_visitor_reads_about_all_lessons_and_opens_the_preview(
    client: CheckedClient, course: Course, preview_lesson: Lesson
) -> None:
    response = client.get(f"/courses/{course.slug}")
    for shown in (course.title, course.pitch, "Ines Teacher", "The loom", "Do the thing"):
        assert shown in response.text
    assert [link["href"] for link in html.parse(response.text).select(".lessons a")] == [
        f"/learn/{course.slug}/{preview_lesson.id}"
    ]
    assert f"/auth/sign-in?next=/courses/{course.slug}" in response.text.replace("%2F", "/")


def test_visitors_share_the_page_without_cookies(client: CheckedClient, course: Course) -> None:
    response = client.get(f"/courses/{course.slug}")
    assert response.headers["Cache-Control"].startswith("public, max-age=60, stale")
    assert "Set-Cookie" not in response.headers


def test_a_signed_in_page_is_nobody_elses(
    client_of: ClientOf, learner: User, course: Course
) -> None:
    response = client_of(learner).get(f"/courses/{course.slug}")
    assert response.headers["Cache-Control"] == "private, no-store"


def test_enrolling_leads_to_the_first_lesson(
    client_of: ClientOf, learner: User, course: Course, video_lesson: Lesson
) -> None:
    client = client_of(learner)
    response = client.post_form(f"/courses/{course.slug}/enroll", page=f"/courses/{course.slug}")
    assert (response.status_code, response.headers["Location"]) == (303, f"/learn/{course.slug}")
    onward = client.get(response.headers["Location"])
    assert onward.headers["Location"] == f"/learn/{course.slug}/{video_lesson.id}"
    assert db.session.query(Enrollment).filter_by(user_id=learner.id).count() == 1


def test_enrolling_twice_is_no_error(client_of: ClientOf, learner: User, course: Course) -> None:
    client = client_of(learner)
    path = f"/courses/{course.slug}"
    data = {"csrf_token": html.csrf_token(client.get(path).text)}
    answers = [client.post(f"{path}/enroll", data=data) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 303]
    assert db.session.query(Enrollment).filter_by(user_id=learner.id).count() == 1


def test_a_priced_course_is_not_enrolled_in_by_a_form(client_of: ClientOf, learner: User) -> None:
    course = factories.make_course(price_minor=4900)
    client = client_of(learner)
    data = {"csrf_token": html.csrf_token(client.get("/dashboard").text)}
    response = client.post(f"/courses/{course.slug}/enroll", data=data)
    assert response.status_code == 402
    assert db.session.query(Enrollment).count() == 0


def test_a_visitor_is_sent_to_sign_in_by_the_form(client: CheckedClient, course: Course) -> None:
    data = {"csrf_token": html.csrf_token(client.get("/auth/sign-in").text)}
    response = client.post(f"/courses/{course.slug}/enroll", data=data)
    assert response.status_code == 303
    assert response.headers["Location"].startswith("/auth/sign-in")
    assert db.session.query(Enrollment).count() == 0


def test_an_unlisted_course_is_reached_by_its_link_only(
    client: CheckedClient, course: Course
) -> None:
    course.status = CourseStatus.UNLISTED
    db.session.commit()
    assert client.get(f"/courses/{course.slug}").status_code == 200
    assert course.title not in client.get("/courses").text


def test_enrolled_learner_is_led_on(client_of: ClientOf, enrolled: User, course: Course) -> None:
    text = client_of(enrolled).get(f"/courses/{course.slug}").text
    assert "Start learning" in _main(text)
    assert "Enrol for free" not in _main(text)


def test_an_unknown_course_is_not_found(client: CheckedClient) -> None:
    assert client.get("/courses/no-such-course").status_code == 404


@pytest.mark.parametrize("lessons", [1, 40])
def test_the_page_costs_the_same_queries_however_long_the_course(
    client: CheckedClient, lessons: int
) -> None:
    course = factories.make_course()
    section = factories.make_section(course)
    for position in range(lessons):
        factories.make_lesson(section, position)
    path = f"/courses/{course.slug}"
    with recorded() as statements:
        assert client.get(path).status_code == 200
    assert len(statements) == 3
