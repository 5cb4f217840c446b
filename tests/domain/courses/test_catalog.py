"""The catalog: what is listed, in which order, and what a page costs."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from app.clock import utcnow
from app.database import db
from app.domain.accounts.models import User
from app.domain.courses import catalog, progress
from app.domain.courses.catalog import CatalogPage, find_page, search
from app.domain.courses.filters import PAGE_SIZE, CatalogFilters, Price, Sort
from app.domain.courses.models import Course, CourseStatus, Level
from tests import factories
from tests.support.statements import recorded

HARMLESS = [
    "' OR 1=1 --",
    '"; DROP TABLE courses; --',
    "%' OR '1'='1",
    "a & | ! ( ) : * <->",
    '"unbalanced',
    "-",
    "\\",
    "the of and",
    "🧶",
    "or or or",
    "x" * 100,
]


def _titles(page: CatalogPage) -> list[str]:
    return [card.title for card in page.items]


def _found(q: str, **filters: object) -> list[str]:
    return _titles(find_page(CatalogFilters(q=q, **filters)))  # type: ignore[arg-type]


@pytest.fixture
def shelf() -> dict[str, Course]:
    """Four courses that differ in everything the catalog can tell apart."""
    craft = factories.make_category(slug="craft", name="Craft")
    code = factories.make_category(slug="code", name="Code")
    now = utcnow()
    plan = {
        "Weaving by hand": (craft, Level.BEGINNER, "en", 0, 30, 3),
        "Dyeing wool": (craft, Level.ADVANCED, "am", 4900, 20, 1),
        "Machine learning": (code, Level.ADVANCED, "en", 1900, 40, 2),
        "apis by example": (code, Level.BEGINNER, "en", 0, 10, 4),
    }
    return {
        title: factories.make_course(
            category=category,
            title=title,
            slug=title.lower().replace(" ", "-"),
            level=level,
            language=language,
            price_minor=price,
            learner_count=learners,
            published_at=now - timedelta(days=days),
        )
        for title, (category, level, language, price, learners, days) in plan.items()
    }


@pytest.mark.parametrize(
    ("sort", "titles"),
    [
        (
            Sort.POPULAR,
            ["Machine learning", "Weaving by hand", "Dyeing wool", "apis by example"],
        ),
        (Sort.NEWEST, ["Dyeing wool", "Machine learning", "Weaving by hand", "apis by example"]),
        (Sort.TITLE, ["apis by example", "Dyeing wool", "Machine learning", "Weaving by hand"]),
    ],
)
def test_courses_come_in_the_chosen_order(shelf, sort: Sort, titles: list[str]) -> None:
    assert _titles(find_page(CatalogFilters(sort=sort))) == titles


def test_free_courses_come_first_by_price(shelf) -> None:
    prices = [card.price_minor for card in find_page(CatalogFilters(sort=Sort.PRICE)).items]
    assert prices == [0, 0, 1900, 4900]


@pytest.mark.parametrize(
    ("filters", "titles"),
    [
        ({"category": "craft"}, {"Weaving by hand", "Dyeing wool"}),
        ({"category": "no-such"}, set()),
        ({"level": Level.ADVANCED}, {"Dyeing wool", "Machine learning"}),
        ({"language": "am"}, {"Dyeing wool"}),
        ({"price": Price.FREE}, {"Weaving by hand", "apis by example"}),
        ({"price": Price.PAID}, {"Dyeing wool", "Machine learning"}),
        ({"category": "code", "price": Price.FREE}, {"apis by example"}),
        ({"category": "code", "language": "am"}, set()),
    ],
    ids=str,
)
def test_filters_narrow_together(shelf, filters, titles: set[str]) -> None:
    page = find_page(CatalogFilters(**filters))
    assert set(_titles(page)) == titles
    assert page.total == len(titles)


@pytest.mark.parametrize("status", [CourseStatus.DRAFT, CourseStatus.UNLISTED, "archived"])
def test_only_published_courses_are_listed(shelf, status) -> None:
    shelf["Weaving by hand"].status = CourseStatus(status)
    db.session.commit()
    assert "Weaving by hand" not in _titles(find_page(CatalogFilters()))
    assert _found("weaving") == []
    assert "Weaving by hand" not in [card.title for card in catalog.list_featured(10)]
    assert "weaving-by-hand" not in [slug for slug, _ in catalog.list_listed(10)]


@pytest.mark.parametrize(
    ("typed", "title"),
    [
        ("weave", "Weaving by hand"),
        ("WEAVINGS", "Weaving by hand"),
        ("learn machines", "Machine learning"),
        ('"machine learning"', "Machine learning"),
        ("wools dyeing", "Dyeing wool"),
    ],
)
def test_search_knows_the_forms_of_a_word(shelf, typed: str, title: str) -> None:
    page = find_page(CatalogFilters(q=typed))
    assert (_titles(page)[0], page.corrected) == (title, None)


@pytest.mark.parametrize(
    ("typed", "title", "corrected"),
    [
        ("wevaing", "Weaving by hand", "weaving"),
        ("machne lerning", "Machine learning", "machine learning"),
        ("dyei", "Dyeing wool", "dyeing"),
        ("weaving 777", "Weaving by hand", "weaving"),
        ("weaving machines", "Machine learning", "weaving machine"),
    ],
)
def test_misspelt_words_find_the_near_ones(shelf, typed, title, corrected) -> None:
    page = find_page(CatalogFilters(q=typed))
    assert (page.corrected, title in _titles(page)) == (corrected, True)


def test_near_words_stay_within_the_filters(shelf) -> None:
    assert _found("wevaing", category="code") == []


def test_words_near_to_nothing_find_nothing(shelf) -> None:
    page = find_page(CatalogFilters(q="zzyzx qwrtp"))
    assert (page.items, page.total, page.pages, page.corrected) == ([], 0, 0, None)


@pytest.mark.parametrize("typed", HARMLESS)
def test_odd_words_are_only_words(shelf, typed: str) -> None:
    find_page(CatalogFilters(q=typed))
    assert db.session.query(Course).count() == 4


def test_a_word_in_the_title_weighs_more_than_one_in_the_text(shelf) -> None:
    shelf["Machine learning"].description = "Weaving " * 3
    db.session.commit()
    assert _found("weaving") == ["Weaving by hand", "Machine learning"]


def test_search_keeps_a_chosen_order(shelf) -> None:
    assert _found("by", sort=Sort.TITLE) == []
    assert _found("machine or wool or example", sort=Sort.TITLE) == [
        "apis by example",
        "Dyeing wool",
        "Machine learning",
    ]


def test_pages_follow_each_other_without_gap_or_repeat() -> None:
    craft = factories.make_category()
    teacher = factories.make_user()
    for _ in range(PAGE_SIZE * 2 + 3):
        factories.make_course(teacher, craft)
    pages = [find_page(CatalogFilters(page=number)) for number in (1, 2, 3, 4)]
    assert [len(page.items) for page in pages] == [12, 12, 3, 0]
    assert {(page.total, page.pages) for page in pages} == {(27, 3)}
    assert len({card.id for page in pages for card in page.items}) == 27


@pytest.mark.parametrize(
    ("page", "pages", "numbers"),
    [
        (1, 1, [1]),
        (1, 0, [1]),
        (2, 3, [1, 2, 3]),
        (1, 9, [1, 2, None, 9]),
        (4, 9, [1, 2, 3, 4, 5, None, 9]),
        (5, 9, [1, None, 4, 5, 6, None, 9]),
        (9, 9, [1, None, 8, 9]),
    ],
)
def test_page_numbers_show_ends_and_neighbours(page: int, pages: int, numbers: list) -> None:
    assert CatalogPage([], page, pages, 0).numbers == numbers


@pytest.mark.parametrize(
    ("total", "label"), [(0, "0"), (7, "7"), (1000, "1,000"), (1001, "1,000+"), (1200, "1,000+")]
)
def test_totals_are_told_up_to_a_thousand(total: int, label: str) -> None:
    assert CatalogPage([], 1, 1, total).total_label == label


def test_cards_carry_the_persons_own_progress(enrolled: User, course: Course, text_lesson) -> None:
    other = factories.make_course()
    progress.mark_complete(enrolled.id, text_lesson.id)
    mine = {card.id: card for card in search(CatalogFilters(), enrolled.id).items}
    assert (mine[course.id].is_enrolled, mine[course.id].progress_percent) == (True, 33)
    assert (mine[other.id].is_enrolled, mine[other.id].progress_percent) == (False, None)
    theirs = {card.id: card for card in search(CatalogFilters()).items}
    assert (theirs[course.id].is_enrolled, theirs[course.id].progress_percent) == (False, None)


def test_a_revoked_enrollment_is_not_shown_as_one(learner: User, course: Course) -> None:
    factories.make_enrollment(learner, course, revoked_at=utcnow())
    assert search(CatalogFilters(), learner.id).items[0].is_enrolled is False


def _add_courses(count: int) -> None:
    """Add published courses in bulk: eight categories, three levels, a few words a title."""
    teacher = factories.make_user()
    categories = [factories.make_category(slug=f"bulk-{n}") for n in range(8)]
    db.session.execute(text("SET LOCAL statement_timeout = 0"))
    db.session.execute(
        text(
            """
            INSERT INTO courses (id, slug, title, pitch, description, category_id, instructor_id,
                level, language, status, price_minor, currency, lesson_count, duration_seconds,
                learner_count, published_at, created_at, updated_at)
            SELECT gen_random_uuid(), 'bulk-' || n,
                (ARRAY['Weaving', 'Statistics', 'Chemistry', 'Drawing'])[1 + n % 4] || ' ' || n,
                'Learn it well.', repeat('A text about many things. ', 10),
                (CAST(:categories AS uuid[]))[1 + n % 8], :teacher,
                (ARRAY['beginner', 'intermediate', 'advanced'])[1 + n % 3], 'en', 'published',
                (n % 3) * 1000, 'USD', 5, 600, (n * 7919) % 10007,
                now() - n * interval '1 minute', now(), now()
            FROM generate_series(1, :count) n
            """
        ),
        {"count": count, "teacher": teacher.id, "categories": [str(c.id) for c in categories]},
    )
    db.session.execute(text("ANALYZE courses"))


ASKED = [
    CatalogFilters(),
    CatalogFilters(sort=Sort.NEWEST, page=100),
    CatalogFilters(sort=Sort.TITLE, page=50),
    CatalogFilters(sort=Sort.PRICE, price=Price.PAID),
    CatalogFilters(category="bulk-3", level=Level.ADVANCED),
]


def test_a_page_of_ten_thousand_courses_reads_a_bounded_part_of_them() -> None:
    """Pages and counts stop at 100 pages, so the eleventh thousand costs nothing."""
    _add_courses(10_000)
    for filters in ASKED:
        with recorded() as statements:
            page = find_page(filters)
        assert page.items
        visited = statements.rows_visited(db.session.connection())
        assert visited < 4_000, f"{visited} rows for {filters.as_query()}"


@pytest.mark.parametrize("q", ["", "weaving", "wevaing"])
def test_query_count_does_not_depend_on_the_number_of_courses(learner: User, q: str) -> None:
    counts, learner_id = [], learner.id
    for more in (10, 190):
        teacher, category = factories.make_user(), factories.make_category()
        for number in range(more):
            factories.make_course(teacher, category, title=f"Weaving {more}-{number}")
        with recorded() as statements:
            assert search(CatalogFilters(q=q), learner_id).items
        counts.append(len(statements))
    assert counts[0] == counts[1] <= 6


def test_counting_stops_where_the_pages_end() -> None:
    _add_courses(1_500)
    page = find_page(CatalogFilters())
    assert (page.total, page.pages, page.total_label) == (1200, 100, "1,000+")
