"""The catalog's filters as values and as addresses."""

import pytest

from app.domain.courses.filters import MAX_PAGES, CatalogFilters, Price, Sort, clean_query
from app.domain.courses.models import Level

pytestmark = pytest.mark.no_database
NARROW = CatalogFilters(
    q="looms",
    category="craft",
    level=Level.BEGINNER,
    language="am",
    price=Price.FREE,
    sort=Sort.TITLE,
    page=3,
)


def test_an_address_says_everything_but_the_defaults() -> None:
    assert CatalogFilters().as_query() == {}
    assert NARROW.as_query() == {
        "q": "looms",
        "category": "craft",
        "level": "beginner",
        "language": "am",
        "price": "free",
        "sort": "title",
        "page": "3",
    }


def test_a_changed_filter_keeps_the_others_and_starts_at_the_first_page() -> None:
    changed = NARROW.as_query(level=None, price="paid", sort="popular")
    assert changed == {"q": "looms", "category": "craft", "language": "am", "price": "paid"}


def test_a_link_to_a_page_keeps_all_filters() -> None:
    assert NARROW.as_query(page=4) == {**NARROW.as_query(), "page": "4"}


@pytest.mark.parametrize(
    ("typed", "cleaned"),
    [
        ("  weaving \t by\nhand ", "weaving by hand"),
        ("nul\x00byte", "nul byte"),
        ("\u202eevil\u200b", "evil"),
        ("x" * 300, "x" * 100),
        ("ሽመና ለጀማሪ", "ሽመና ለጀማሪ"),
        ("\x00", ""),
    ],
)
def test_words_are_one_short_printable_line(typed: str, cleaned: str) -> None:
    assert clean_query(typed) == CatalogFilters(q=typed).q == cleaned


@pytest.mark.parametrize(("asked", "given"), [(-4, 1), (0, 1), (7, 7), (10**9, MAX_PAGES)])
def test_pages_stay_within_bounds(asked: int, given: int) -> None:
    assert CatalogFilters(page=asked).page == given


def test_order_and_page_do_not_narrow() -> None:
    assert not CatalogFilters(sort=Sort.PRICE, page=2).is_narrowed
    assert CatalogFilters(price=Price.PAID).is_narrowed
