"""Rendered parts of the catalog that hold nothing personal, kept for half a minute."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import Generic, TypeVar

from flask import render_template
from markupsafe import Markup

from app.clock import utcnow
from app.domain.courses.cards import CourseCard
from app.domain.courses.catalog import find_page
from app.domain.courses.categories import CategoryView, list_categories
from app.domain.courses.filters import CatalogFilters
from app.web.reading import from_replica

FRESH_SECONDS = 30
# About 50 KB each; addresses without words are few, so these hold what people look at.
MAX_KEPT = 100
Part = TypeVar("Part")


class Kept(Generic[Part]):
    """What one process keeps, the least used dropped first; 0 seconds keeps nothing."""

    def __init__(self, seconds: int) -> None:
        self._life = timedelta(seconds=seconds)
        self._parts: OrderedDict[Hashable, tuple[datetime, Part]] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable, render: Callable[[], Part]) -> Part:
        """Return what is kept for `key`, rendered again when it is too old."""
        with self._lock:
            kept = self._parts.get(key)
            if kept is not None and kept[0] > utcnow():
                self._parts.move_to_end(key)
                return kept[1]
        part = render()
        if self._life:
            with self._lock:
                self._parts[key] = (utcnow() + self._life, part)
                self._parts.move_to_end(key)
                if len(self._parts) > MAX_KEPT:
                    self._parts.popitem(last=False)
        return part


@dataclass(frozen=True, slots=True)
class Fragment:
    """The main part of one catalog page, as a visitor sees it, and the cards on it."""

    html: Markup
    cards: Sequence[CourseCard]
    is_past_the_end: bool


def render_fragment(filters: CatalogFilters, category: CategoryView | None) -> Fragment:
    """Return the main part of a catalog page."""
    results, categories = from_replica(lambda: (find_page(filters), list_categories()))
    html = render_template(
        "courses/_catalog.html",
        results=results,
        filters=filters,
        category=category,
        categories=categories,
    )
    return Fragment(Markup(html), results.items, filters.page > max(results.pages, 1))  # noqa: S704
