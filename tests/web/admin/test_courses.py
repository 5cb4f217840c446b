"""The list of courses: narrowed, paged, and the form that begins one."""

from collections.abc import Callable

import pytest

from app.database import db
from app.domain.accounts.models import Role, User
from app.domain.courses.models import Course, CourseStatus
from tests import factories
from tests.support.client import CheckedClient

ClientOf = Callable[[User], CheckedClient]
PAGE = "/admin/courses"


def _titles(client: CheckedClient, **query: object) -> list[str]:
    items = client.get("/api/admin/courses", query_string=query).get_json()["items"]
    return [item["title"] for item in items]


def test_an_instructor_begins_a_draft_and_lands_in_the_builder(
    client_of: ClientOf, instructor: User
) -> None:
    shelf = factories.make_category(name="Crafts")
    client = client_of(instructor)
    answer = client.post_form(PAGE, {"title": "Weaving & dyeing", "category_id": str(shelf.id)})
    course = db.session.query(Course).filter_by(title="Weaving & dyeing").one()
    assert answer.status_code == 303
    assert answer.location == f"/admin/courses/{course.id}"
    assert (course.slug, course.status) == ("weaving-dyeing", CourseStatus.DRAFT)
    assert (course.instructor_id, course.category_id) == (instructor.id, shelf.id)
    assert "Weaving &amp; dyeing" in client.get(PAGE).text


@pytest.mark.parametrize("title", ["", "   ", "x" * 121], ids=["empty", "blank", "long"])
def test_a_course_without_a_proper_title_is_not_begun(
    client_of: ClientOf, instructor: User, title: str
) -> None:
    shelf = factories.make_category()
    answer = client_of(instructor).post_form(PAGE, {"title": title, "category_id": str(shelf.id)})
    assert answer.status_code == 422
    assert "field__error" in answer.text
    assert db.session.query(Course).count() == 0


def test_a_shelf_that_is_gone_is_named(client_of: ClientOf, instructor: User) -> None:
    factories.make_category()
    answer = client_of(instructor).post_form(PAGE, {"title": "Knots", "category_id": "gone"})
    assert answer.status_code == 422
    assert db.session.query(Course).count() == 0


def test_support_looks_at_the_list_and_begins_nothing(client_of: ClientOf, course: Course) -> None:
    client = client_of(factories.make_user(Role.SUPPORT))
    page = client.get(PAGE).text
    assert course.title in page
    assert "New course" not in page
    answer = client.post_form(PAGE, {"title": "Knots"}, page="/dashboard")
    assert answer.status_code == 403


def test_the_list_is_narrowed_by_words_state_and_shelf(client_of: ClientOf, admin: User) -> None:
    crafts = factories.make_category(name="Crafts")
    tilda = factories.make_user(Role.INSTRUCTOR, name="Tilda Loom")
    factories.make_course(tilda, crafts, title="Weaving 100 %", slug="weft")
    factories.make_course(title="Knots", status=CourseStatus.DRAFT)
    client = client_of(admin)
    for q in ("weaving", "WEFT", "tilda", "100 %"):
        assert _titles(client, q=q) == ["Weaving 100 %"], q
    assert _titles(client, q="_") == []
    assert _titles(client, status="draft") == ["Knots"]
    assert _titles(client, category_id=str(crafts.id)) == ["Weaving 100 %"]
    assert _titles(client, q="weaving", status="draft") == []
    page = client.get(PAGE, query_string={"q": "weaving"}).text
    assert "Weaving 100 %" in page
    assert "Knots" not in page
    assert "No course fits" in client.get(PAGE, query_string={"q": "zither"}).text


@pytest.mark.parametrize("field", ["status", "category_id"])
def test_what_cannot_be_searched_for_is_named(client_of: ClientOf, admin: User, field: str) -> None:
    client = client_of(admin)
    answer = client.get("/api/admin/courses", query_string={field: "nonsense"})
    assert answer.status_code == 422
    assert [fault["field"] for fault in answer.get_json()["errors"]] == [field]
    assert client.get(PAGE, query_string={field: "nonsense"}).status_code == 422


def test_the_next_part_keeps_what_was_asked_for(client_of: ClientOf, admin: User) -> None:
    for number in range(51):
        factories.make_course(title=f"Weaving {number}", status=CourseStatus.DRAFT)
    page = client_of(admin).get(PAGE, query_string={"q": "weaving", "status": "draft"}).text
    link = page.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
    assert "q=weaving" in link
    assert "status=draft" in link
    assert "Weaving 0<" in client_of(admin).get(link).text
