"""Uploaded covers: in every width, on every page that shows the course, and nowhere without it."""

import io
import uuid
from collections.abc import Callable

import pytest
from PIL import Image

from app.clock import utcnow
from app.database import db
from app.domain.accounts.models import User
from app.domain.courses.models import Course, CourseStatus, Lesson
from tests import factories
from tests.support import html
from tests.support.client import CheckedClient
from tests.support.course_files import make_cover

ClientOf = Callable[[User], CheckedClient]


def _path(course: Course, width: int = 640) -> str:
    return f"/covers/{course.id}/{course.cover_id}/{width}.webp"


@pytest.fixture
def covered(course: Course) -> Course:
    """`course` with an uploaded cover."""
    make_cover(course)
    return course


@pytest.mark.parametrize("width", [320, 640, 1280])
def test_a_visitor_gets_the_width_asked_for(
    client: CheckedClient, covered: Course, width: int
) -> None:
    response = client.get(_path(covered, width))
    assert (response.status_code, response.mimetype) == (200, "image/webp")
    with Image.open(io.BytesIO(response.data)) as drawn:
        assert drawn.size == (width, width * 9 // 16)
    assert response.headers["Cache-Control"] == "private, max-age=604800, immutable"
    assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_other_widths_and_other_covers_do_not_exist(client: CheckedClient, covered: Course) -> None:
    assert client.get(_path(covered, 641)).status_code == 404
    assert client.get(f"/covers/{covered.id}/{uuid.uuid4()}/640.webp").status_code == 404
    other = factories.make_course()
    assert client.get(f"/covers/{other.id}/{covered.cover_id}/640.webp").status_code == 404


def test_the_cover_of_a_hidden_course_is_as_hidden(
    client: CheckedClient,
    client_of: ClientOf,
    covered: Course,
    enrolled: User,
    outsider: User,
    instructor: User,
    admin: User,
) -> None:
    def answers() -> list[int]:
        people = (client, *map(client_of, (outsider, enrolled, instructor, admin)))
        return [person.get(_path(covered)).status_code for person in people]

    covered.status = CourseStatus.DRAFT
    db.session.commit()
    assert answers() == [404, 404, 404, 200, 200]
    response = client_of(instructor).get(_path(covered))
    assert response.headers["Cache-Control"] == "private, no-store"
    covered.status = CourseStatus.ARCHIVED
    db.session.commit()
    assert answers() == [404, 404, 200, 200, 200]
    covered.status = CourseStatus.UNLISTED
    db.session.commit()
    assert answers() == [200] * 5


def test_pages_show_the_picture_in_the_width_that_fits(
    client: CheckedClient,
    client_of: ClientOf,
    covered: Course,
    enrolled: User,
    video_lesson: Lesson,
) -> None:
    learner = client_of(enrolled)
    pages = {
        "/": client,
        "/courses": client,
        f"/courses/{covered.slug}": client,
        "/dashboard": learner,
        f"/learn/{covered.slug}/{video_lesson.id}": learner,
    }
    for path, visitor in pages.items():
        shown = html.parse(visitor.get(path).text).select("img.cover")
        mine = [image for image in shown if str(covered.cover_id) in str(image["src"])]
        assert mine, path
        offered = str(mine[0]["srcset"]).split(", ")
        assert [entry.split()[1] for entry in offered] == ["320w", "640w", "1280w"]
        assert visitor.get(offered[0].split()[0]).status_code == 200
        assert mine[0]["alt"] == ""


def test_a_course_without_a_picture_keeps_its_drawn_cover(
    client: CheckedClient, course: Course
) -> None:
    page = html.parse(client.get(f"/courses/{course.slug}").text)
    assert page.select_one(".offer svg.cover")
    assert not page.select_one("img.cover")


def test_progress_stands_on_the_card_with_a_picture(
    client_of: ClientOf, covered: Course, enrolled: User, video_lesson: Lesson
) -> None:
    client = client_of(enrolled)
    assert covered.published_at <= utcnow()
    card = html.parse(client.get("/courses").text).select_one(".card:has(img.cover)")
    assert card is not None
    assert card.select_one("progress")
