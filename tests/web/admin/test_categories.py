"""The shelves: made, renamed, ordered and deleted, and never from under a course."""

from collections.abc import Callable

import pytest

from app.database import db
from app.domain.accounts.models import User
from app.domain.audit.actions import Action
from app.domain.audit.models import AuditEvent
from app.domain.courses import category_edits
from app.domain.courses.models import Category, Course
from tests import factories
from tests.support.client import CheckedClient

ClientOf = Callable[[User], CheckedClient]
PATH = "/admin/categories"
API = "/api/admin/categories"


@pytest.fixture
def owner(client_of: ClientOf, admin: User) -> CheckedClient:
    return client_of(admin)


def names() -> list[str]:
    return [shelf.name for shelf in category_edits.list_shelves()]


def noted() -> list[str]:
    return [event.action for event in db.session.query(AuditEvent).order_by(AuditEvent.id)]


def test_shelf_is_made_behind_the_others(owner: CheckedClient) -> None:
    factories.make_category(name="First", position=4)
    fields = {"name": "  Dye   plants ", "description": "Roots and leaves", "hue": "120"}
    assert owner.post_form(PATH, fields).status_code == 303
    assert names() == ["First", "Dye plants"]
    made = category_edits.list_shelves()[-1]
    assert (made.slug, made.hue, made.description) == ("dye-plants", 120, "Roots and leaves")
    assert "Dye plants" in owner.get(PATH).text
    assert Action.CATEGORY_CREATED in noted()


def test_name_without_latin_letters_gets_an_address_too(owner: CheckedClient) -> None:
    made = owner.post(API, json={"name": "ሽመና", "hue": 1}).get_json()["category"]
    assert made["slug"].startswith("category-")
    assert owner.get(f"/courses/category/{made['slug']}").status_code in (200, 404)


@pytest.mark.parametrize("name", ["", "n" * 61, "first"], ids=["none", "long", "taken"])
def test_unusable_name_is_refused_at_its_field(owner: CheckedClient, name: str) -> None:
    factories.make_category(name="First")
    answer = owner.post_form(PATH, {"name": name, "hue": "1"})
    assert answer.status_code == 422
    assert 'id="name-error"' in answer.text
    assert names() == ["First"]


def test_renamed_shelf_keeps_its_address(owner: CheckedClient) -> None:
    shelf = factories.make_category(name="Old name")
    slug = shelf.slug
    path = f"{PATH}/{shelf.id}"
    assert owner.post_form(path, {"name": "New name", "hue": "7"}).status_code == 303
    changed = category_edits.get_shelf(shelf.id)
    assert (changed.name, changed.slug, changed.hue) == ("New name", slug, 7)


def test_shelves_are_moved_and_stop_at_the_ends(owner: CheckedClient) -> None:
    first, second, third = (factories.make_category(name=name, position=0) for name in "abc")
    owner.post_form(f"{PATH}/{third.id}/move/up", page=PATH)
    assert names() == ["a", "c", "b"]
    owner.post_form(f"{PATH}/{first.id}/move/up", page=PATH)
    owner.post_form(f"{PATH}/{second.id}/move/down", page=PATH)
    assert names() == ["a", "c", "b"]
    owner.patch(f"{API}/{second.id}", json={"position": 0})
    assert names() == ["b", "a", "c"]


def test_shelf_with_a_course_stays(owner: CheckedClient, course: Course) -> None:
    shelf_id = course.category_id
    owner.post_form(f"{PATH}/{shelf_id}/delete", page=PATH)
    page = owner.get(f"{PATH}/{shelf_id}").text
    assert "Courses in this category: 1." in page
    assert "Delete the category" not in page
    refused = owner.delete(f"{API}/{shelf_id}")
    assert (refused.status_code, refused.get_json()["code"]) == (409, "IN_USE")
    assert refused.get_json()["course_count"] == 1
    assert db.session.get(Category, shelf_id) is not None


def test_empty_shelf_is_deleted_once(owner: CheckedClient) -> None:
    shelf_id = factories.make_category(name="Empty").id
    assert owner.post_form(f"{PATH}/{shelf_id}/delete", page=PATH).status_code == 303
    assert names() == []
    assert owner.delete(f"{API}/{shelf_id}").status_code == 404
    assert noted().count(Action.CATEGORY_DELETED) == 1


def test_wrong_fields_of_a_program_are_named(owner: CheckedClient) -> None:
    wrong = owner.post(API, json={"name": "Fine", "hue": 360, "colour": "red"})
    assert wrong.status_code == 422
    assert {fault["field"] for fault in wrong.get_json()["errors"]} == {"hue", "colour"}


def test_instructor_reads_the_shelves_and_changes_none(
    client_of: ClientOf, instructor: User, course: Course
) -> None:
    client = client_of(instructor)
    listed = client.get(API).get_json()["items"]
    assert [item["course_count"] for item in listed] == [1]
    assert client.patch(f"{API}/{course.category_id}", json={"name": "Mine"}).status_code == 403
