"""The catalog and the shelf of one category."""

from dataclasses import replace

from flask import Response

from app.domain.courses.catalog import find_page
from app.domain.courses.categories import CategoryView, get_category, list_categories
from app.domain.courses.filters import CatalogFilters
from app.web.courses import blueprint
from app.web.courses.queries import read_filters_leniently
from app.web.reading import from_replica
from app.web.shells import Contents, show


def contents_of(filters: CatalogFilters, category: CategoryView | None = None) -> Contents:
    """Return what a catalog page shows; a page past the end is not found."""
    results, categories = from_replica(lambda: (find_page(filters), list_categories()))
    values = {
        "results": results,
        "filters": filters,
        "category": category,
        "categories": categories,
    }
    is_past_the_end = filters.page > max(results.pages, 1)
    return Contents("courses/index.html", values, results.items, 404 if is_past_the_end else 200)


def _is_kept(filters: CatalogFilters) -> bool:
    """What people typed is seldom typed twice, so it is not worth keeping."""
    return not filters.q


@blueprint.get("/courses")
def index() -> Response:
    """Show the courses that fit the filters in the address."""
    filters = read_filters_leniently()
    return show("catalog", repr(filters), lambda: contents_of(filters), is_kept=_is_kept(filters))


@blueprint.get("/courses/category/<slug>")
def category(slug: str) -> Response:
    """Show the courses of one category."""
    filters = read_filters_leniently()

    def read() -> Contents:
        shelf = from_replica(lambda: get_category(slug))
        return contents_of(replace(filters, category=shelf.slug), shelf)

    return show("catalog", f"{slug} {filters!r}", read, is_kept=_is_kept(filters))
