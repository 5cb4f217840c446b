"""The shelves."""

import pytest

from app.domain.courses.categories import get_category, list_categories
from app.domain.courses.models import CourseStatus
from app.errors import NotFound
from tests import factories
from tests.support.statements import recorded


def test_shelves_come_in_their_order_with_their_counts() -> None:
    second = factories.make_category(name="Second", position=2)
    first = factories.make_category(name="First", position=1)
    for category, status in (
        (first, CourseStatus.PUBLISHED),
        (first, CourseStatus.PUBLISHED),
        (first, CourseStatus.DRAFT),
        (second, CourseStatus.PUBLISHED),
        (second, CourseStatus.UNLISTED),
    ):
        factories.make_course(category=category, status=status)
    shown = [(category.name, category.course_count) for category in list_categories()]
    assert shown == [("First", 2), ("Second", 1)]


def test_empty_shelves_are_left_out_unless_asked_for() -> None:
    empty = factories.make_category()
    assert list_categories() == []
    assert [category.slug for category in list_categories(include_empty=True)] == [empty.slug]
    assert get_category(empty.slug).course_count == 0


def test_unknown_shelf_is_nothing() -> None:
    with pytest.raises(NotFound):
        get_category("no-such-shelf")


def test_shelves_are_one_query() -> None:
    for _ in range(5):
        factories.make_course()
    with recorded() as statements:
        assert len(list_categories()) == 5
    assert len(statements) == 1
