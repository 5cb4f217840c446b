"""The administration's tables and their JSON: scope, order, pages by cursor."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from app import clock
from app.domain.accounts.models import Role, User
from app.domain.courses.models import Course, CourseStatus
from app.domain.videos.models import VideoStatus
from tests import factories
from tests.support.client import CheckedClient

ClientOf = Callable[[User], CheckedClient]


def _walk(client: CheckedClient, path: str, limit: int) -> list[str]:
    """Follow the cursors to the end and return every title in order."""
    titles: list[str] = []
    cursor = None
    for _ in range(50):
        query = {"limit": limit} | ({"cursor": cursor} if cursor else {})
        document = client.get(path, query_string=query).get_json()
        assert len(document["items"]) <= limit
        titles += [item["title"] for item in document["items"]]
        cursor = document["next_cursor"]
        if cursor is None:
            return titles
    raise AssertionError("the cursors never end")


def test_cursor_walks_the_whole_list_newest_first(client_of: ClientOf, admin: User) -> None:
    moment = clock.utcnow()
    expected = []
    for number in range(7):  # two each share a moment, so that the id decides
        created_at = moment + timedelta(seconds=number // 2)
        video = factories.make_video(title=f"Walk {number}", created_at=created_at)
        expected.append((created_at, video.id, video.title))
    titles = _walk(client_of(admin), "/api/admin/media", 2)
    walked = [title for title in titles if title.startswith("Walk")]
    assert walked == [title for _, _, title in sorted(expected, reverse=True)]


def test_media_tell_state_percent_and_the_end_of_the_error(
    client_of: ClientOf, admin: User
) -> None:
    detail = "x" * 1000 + "the cause"
    factories.make_video(VideoStatus.FAILED, title="Broken", error_code="E", error_detail=detail)
    factories.make_video(VideoStatus.PROCESSING, title="Half", progress_percent=40, stage="encode")
    client = client_of(admin)
    items = {item["title"]: item for item in client.get("/api/admin/media").get_json()["items"]}
    assert items["Broken"]["error"]["code"] == "E"
    assert items["Broken"]["error"]["detail"].endswith("the cause")
    assert len(items["Broken"]["error"]["detail"]) == 400
    assert (items["Half"]["status"], items["Half"]["progress_percent"]) == ("processing", 40)
    assert items["Half"]["error"] is None
    page = client.get("/admin/videos").text
    assert "the cause" in page
    assert "40" in page


def test_drafts_are_listed_for_staff(client_of: ClientOf, admin: User) -> None:
    factories.make_course(title="Secret draft", status=CourseStatus.DRAFT)
    client = client_of(admin)
    items = client.get("/api/admin/courses").get_json()["items"]
    draft = next(item for item in items if item["title"] == "Secret draft")
    assert draft["status"] == "draft"
    assert draft["price"] == {"amount_minor": 0, "currency": "USD"}
    assert draft["created_at"].endswith("Z")
    assert "Secret draft" in client.get("/admin/courses").text


def test_instructor_sees_own_courses_and_media_only(
    client_of: ClientOf, instructor: User, course: Course
) -> None:
    other = factories.make_user(Role.INSTRUCTOR)
    factories.make_course(other, title="Somebody else's")
    factories.make_video(title="Somebody else's film", uploaded_by_id=other.id)
    factories.make_video(title="My upload", uploaded_by_id=instructor.id)
    client = client_of(instructor)
    assert _walk(client, "/api/admin/courses", 50) == [course.title]
    films = _walk(client, "/api/admin/media", 50)
    assert "My upload" in films
    assert len(films) == 3, "the upload and the two that the course shows"
    for path in ("/admin/courses", "/admin/videos"):
        assert "Somebody else" not in client.get(path).text


@pytest.mark.parametrize("path", ["/api/admin/courses", "/api/admin/media"])
@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"limit": "101"},
        {"limit": "99999999999999999999999"},
        {"limit": "-1"},
        {"limit": "many"},
        {"limit": "²"},
        {"cursor": "nonsense"},
        {"cursor": "ሰላም"},
        {"cursor": "MjAyNi0wMS0wMQ"},
    ],
)
def test_wrong_page_is_named(
    client_of: ClientOf, admin: User, path: str, query: dict[str, str]
) -> None:
    response = client_of(admin).get(path, query_string=query)
    assert response.status_code == 422
    assert [fault["field"] for fault in response.get_json()["errors"]] == list(query)
