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

ORDERS: dict[Sort, tuple[ColumnElement[Any], ...]] = {
    Sort.POPULAR: (Course.learner_count.desc(), Course.id.desc()),
    Sort.NEWEST: (Course.published_at.desc(), Course.id.desc()),
    Sort.TITLE: (func.lower(Course.title), Course.id.asc()),
    Sort.PRICE: (Course.price_minor.asc(), Course.id.asc()),
}


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
    is_ranked = filters.q and filters.sort is Sort.POPULAR and filters.page <= RANKED_PAGES
    build = _ranked_cards if is_ranked else _sorted_cards
    rows = db.session.execute(build(filters, conditions))
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


def _page_of(ids: Select[uuid.UUID], filters: CatalogFilters) -> Select[uuid.UUID]:
    return ids.limit(PAGE_SIZE).offset((filters.page - 1) * PAGE_SIZE)


def _sorted_cards(
    filters: CatalogFilters, conditions: list[ColumnElement[bool]]
) -> Select[*tuple[Any, ...]]:
    order = ORDERS[filters.sort]
    ids = _page_of(select(Course.id).where(*conditions).order_by(*order), filters)
    return select_cards().where(Course.id.in_(ids)).order_by(*order)


def _ranked_cards(
    filters: CatalogFilters, conditions: list[ColumnElement[bool]]
) -> Select[*tuple[Any, ...]]:
    popular = (
        select(Course.id)
        .where(*conditions)
        .order_by(*ORDERS[Sort.POPULAR])
        .limit(RANKED_PAGES * PAGE_SIZE)
    )
    weights = literal(RANK_WEIGHTS, ARRAY(REAL))
    rank = func.ts_rank(weights, Course.search_vector, _words(filters.q), 1)
    relevance = rank * (1 + func.ln(1 + Course.learner_count) / 10)
    order = (relevance.desc(), *ORDERS[Sort.POPULAR])
    ids = _page_of(select(Course.id).where(Course.id.in_(popular)).order_by(*order), filters)
    return select_cards().where(Course.id.in_(ids)).order_by(*order)
