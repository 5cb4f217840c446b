"""The public catalog: search, filters and numbered pages whose cost does not grow with it.

Pages are read from one covering index per order, at most 100 of them, and the count stops there
too; cards are fetched for the twelve courses of the page only.
"""

import math
import uuid
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    REAL,
    ColumnElement,
    Select,
    func,
    literal,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY, REGCONFIG

from app.database import db
from app.domain.courses import spelling
from app.domain.courses.cards import CourseCard, read_cards, select_cards, with_progress
from app.domain.courses.filters import MAX_PAGES, PAGE_SIZE, CatalogFilters, Price, Sort
from app.domain.courses.models import Category, Course, CourseStatus

MAX_RESULTS = MAX_PAGES * PAGE_SIZE
COUNTED_EXACTLY = 1000
# The most popular matches are put in order of relevance; the rest follow by popularity. Whole
# pages, so that the two parts meet at a page's edge.
RANKED_PAGES = 10
RANK_WEIGHTS = [0.05, 0.1, 0.4, 1.0]


def _order(sort: Sort, of: Any) -> tuple[ColumnElement[Any], ...]:
    """Return what `sort` sorts by, in the columns of `of`."""
    orders: dict[Sort, tuple[ColumnElement[Any], ...]] = {
        Sort.POPULAR: (of.learner_count.desc(), of.id.desc()),
        Sort.NEWEST: (of.published_at.desc(), of.id.desc()),
        Sort.TITLE: (func.lower(of.title), of.id.asc()),
        Sort.PRICE: (of.price_minor.asc(), of.id.asc()),
    }
    return orders[sort]


ORDERS = {sort: _order(sort, Course) for sort in Sort}


@dataclass(frozen=True)
class CatalogPage:
    """One page of cards. `total` is exact below `MAX_RESULTS`, where counting stops.

    `corrected` is set when nothing matched the words as typed and near ones were searched for.
    """

    items: list[CourseCard]
    page: int
    pages: int
    total: int
    corrected: str | None = None

    @property
    def total_label(self) -> str:
        """The total for people: exact up to a thousand, then "1,000+"."""
        return f"{COUNTED_EXACTLY:,}+" if self.total > COUNTED_EXACTLY else f"{self.total:,}"

    @property
    def numbers(self) -> list[int | None]:
        """The page numbers to link: both ends and the neighbours; None stands for a gap."""
        near = range(self.page - 1, self.page + 2)
        shown = sorted({1, self.pages, *(n for n in near if 1 <= n <= self.pages)} - {0})
        numbers: list[int | None] = []
        for number in shown:
            last = numbers[-1] if numbers else number - 1
            if last is not None and number - last == 2:
                numbers.append(number - 1)
            elif last is not None and number - last > 2:
                numbers.append(None)
            numbers.append(number)
        return numbers


def search(filters: CatalogFilters, user_id: uuid.UUID | None = None) -> CatalogPage:
    """Return one page of published courses, with the person's own progress on its cards."""
    page = find_page(filters)
    return replace(page, items=with_progress(page.items, user_id))


def find_page(filters: CatalogFilters) -> CatalogPage:
    """Return one page of published courses as anybody sees it; a page past the end is empty."""
    page = _find(filters)
    if page.total or not filters.q:
        return page
    words = spelling.correct(filters.q)
    if not words:
        return page
    return replace(_find(replace(filters, q=" or ".join(words))), corrected=" ".join(words))


def _find(filters: CatalogFilters) -> CatalogPage:
    conditions = _conditions(filters)
    total = _bounded_count(conditions)
    if not total:
        return CatalogPage([], filters.page, pages=0, total=0)
    ids = _few_ids if filters.q and total < MAX_RESULTS else _ids
    found = ids(filters.sort, conditions)
    is_ranked = filters.q and filters.sort is Sort.POPULAR and filters.page <= RANKED_PAGES
    build = _ranked_cards if is_ranked else _sorted_cards
    rows = db.session.execute(build(filters, found))
    return CatalogPage(read_cards(rows), filters.page, math.ceil(total / PAGE_SIZE), total)


def list_featured(limit: int, category_id: uuid.UUID | None = None) -> list[CourseCard]:
    """List the most popular published courses, of one category where it is given."""
    conditions: list[ColumnElement[bool]] = [Course.status == CourseStatus.PUBLISHED]
    if category_id is not None:
        conditions.append(Course.category_id == category_id)
    ids = select(Course.id).where(*conditions).order_by(*ORDERS[Sort.POPULAR]).limit(limit)
    statement = select_cards().where(Course.id.in_(ids)).order_by(*ORDERS[Sort.POPULAR])
    return read_cards(db.session.execute(statement))


def list_listed(limit: int) -> list[tuple[str, datetime]]:
    """List slug and time of last change of the newest published courses."""
    rows = db.session.execute(
        select(Course.slug, Course.updated_at)
        .where(Course.status == CourseStatus.PUBLISHED)
        .order_by(*ORDERS[Sort.NEWEST])
        .limit(limit)
    )
    return [(row.slug, row.updated_at) for row in rows]


def _conditions(filters: CatalogFilters) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [Course.status == CourseStatus.PUBLISHED]
    if filters.category:
        category = select(Category.id).where(Category.slug == filters.category)
        conditions.append(Course.category_id == category.scalar_subquery())
    if filters.level:
        conditions.append(Course.level == filters.level)
    if filters.language:
        conditions.append(Course.language == filters.language)
    if filters.price is Price.FREE:
        conditions.append(Course.price_minor == 0)
    elif filters.price is Price.PAID:
        conditions.append(Course.price_minor > 0)
    if filters.q:
        is_match = Course.search_vector.op("@@", is_comparison=True)
        conditions.append(is_match(_words(filters.q)))
    return conditions


def _words(q: str) -> ColumnElement[Any]:
    return func.websearch_to_tsquery(literal("english", REGCONFIG), q)


def _bounded_count(conditions: list[ColumnElement[bool]]) -> int:
    found = select(literal(1)).select_from(Course).where(*conditions).limit(MAX_RESULTS)
    return db.session.scalar(select(func.count()).select_from(found.subquery())) or 0


def _ids(sort: Sort, conditions: list[ColumnElement[bool]]) -> Select[uuid.UUID]:
    """Return the ids in order: read from the order's index until a page is full."""
    return select(Course.id).where(*conditions).order_by(*ORDERS[sort])


def _few_ids(sort: Sort, conditions: list[ColumnElement[bool]]) -> Select[uuid.UUID]:
    """Return the ids in order: all that match by the index of words, and then sorted.

    The planner takes every rare word for equally frequent. From half a million courses on it would
    read the order's index, course by course, in the hope of meeting enough matches soon.
    """
    sorted_by = (Course.learner_count, Course.published_at, Course.title, Course.price_minor)
    few = select(Course.id, *sorted_by).where(*conditions).cte("few").prefix_with("MATERIALIZED")
    return select(few.c.id).order_by(*_order(sort, few.c))


def _page_of(ids: Select[uuid.UUID], filters: CatalogFilters) -> Select[uuid.UUID]:
    return ids.limit(PAGE_SIZE).offset((filters.page - 1) * PAGE_SIZE)


def _sorted_cards(filters: CatalogFilters, found: Select[uuid.UUID]) -> Select[*tuple[Any, ...]]:
    page = _page_of(found, filters)
    return select_cards().where(Course.id.in_(page)).order_by(*ORDERS[filters.sort])


def _ranked_cards(filters: CatalogFilters, found: Select[uuid.UUID]) -> Select[*tuple[Any, ...]]:
    popular = found.limit(RANKED_PAGES * PAGE_SIZE)
    weights = literal(RANK_WEIGHTS, ARRAY(REAL))
    rank = func.ts_rank(weights, Course.search_vector, _words(filters.q), 1)
    relevance = rank * (1 + func.ln(1 + Course.learner_count) / 10)
    order = (relevance.desc(), *ORDERS[Sort.POPULAR])
    ids = _page_of(select(Course.id).where(Course.id.in_(popular)).order_by(*order), filters)
    return select_cards().where(Course.id.in_(ids)).order_by(*order)
