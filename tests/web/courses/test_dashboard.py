"""One's own courses."""

from collections.abc import Callable

from app.clock import utcnow
from app.domain.accounts.models import User
from app.domain.courses import progress
from app.domain.courses.models import Course, Lesson
from tests import factories
from tests.support import html
from tests.support.client import CheckedClient
from tests.support.statements import recorded

ClientOf = Callable[[User], CheckedClient]


def test_courses_are_shown_with_progress_and_the_way_on(
    client_of: ClientOf,
    enrolled: User,
    course: Course,
    video_lesson: Lesson,
    preview_lesson: Lesson,
) -> None:
    progress.mark_complete(enrolled.id, video_lesson.id)
    factories.db.session.commit()
    response = client_of(enrolled).get("/dashboard")
    page = html.parse(response.text)
    assert course.title in response.text
    assert page.select_one("progress")["value"] == "33"  # type: ignore[index]
    assert page.find("a", href=f"/learn/{course.slug}/{preview_lesson.id}")
    assert response.headers["Cache-Control"] == "private, no-store"


def test_an_empty_shelf_leads_to_the_catalog(client_of: ClientOf, learner: User) -> None:
    page = html.parse(client_of(learner).get("/dashboard").text)
    assert page.main.find("a", href="/courses")  # type: ignore[union-attr]


def test_suggestions_leave_out_what_one_has(
    client_of: ClientOf, enrolled: User, course: Course
) -> None:
    other = factories.make_course(title="Chemistry at home")
    page = html.parse(client_of(enrolled).get("/dashboard").text)
    assert len(page.main.find_all("a", href=f"/courses/{other.slug}")) == 1  # type: ignore[union-attr]
    assert page.main.get_text().count(course.title) == 1  # type: ignore[union-attr]


def test_invitations_and_requests_are_reminded_of(
    client_of: ClientOf, learner: User, course: Course
) -> None:
    learner.email_verified_at = utcnow()
    guarded = factories.make_course(title="Dyeing with plants")
    factories.make_invitation(learner.email, course)
    factories.make_request(learner, guarded)
    shown = html.parse(client_of(learner).get("/dashboard").text).main.get_text(" ", strip=True)  # type: ignore[union-attr]
    assert f"You are invited to {course.title}." in shown
    assert "You asked for a place in Dyeing with plants" in shown


def test_visitor_is_sent_to_sign_in(client: CheckedClient) -> None:
    response = client.get("/dashboard")
    assert response.headers["Location"] == "/auth/sign-in?next=%2Fdashboard"


def test_the_page_costs_the_same_queries_for_one_course_and_twenty(
    client_of: ClientOf, learner: User
) -> None:
    client = client_of(learner)
    client.get("/dashboard")
    teacher, category = factories.make_user(), factories.make_category()
    counts = []
    for more in (1, 19):
        for _ in range(more):
            factories.make_enrollment(learner, factories.make_course(teacher, category))
        with recorded() as statements:
            assert client.get("/dashboard").status_code == 200
        counts.append(len(statements))
    assert counts[0] == counts[1] <= 4
