"""The catalog and the shelf of one category."""

from dataclasses import replace

from flask import Response, render_template

from app.domain.courses.catalog import search
from app.domain.courses.categories import CategoryView, get_category, list_categories
from app.domain.courses.filters import CatalogFilters
from app.web.access import signed_in
from app.web.caching import share_with_visitors
from app.web.courses import blueprint
from app.web.courses.queries import read_filters_leniently


def _page(filters: CatalogFilters, category: CategoryView | None = None) -> Response:
    person = signed_in()
    results = search(filters, person.user_id if person else None)
    body = render_template(
        "courses/index.html",
        results=results,
        filters=filters,
        category=category,
        categories=list_categories(),
    )
    is_past_the_end = filters.page > max(results.pages, 1)
    return share_with_visitors(Response(body, 404 if is_past_the_end else 200))


@blueprint.get("/courses")
def index() -> Response:
    """Show the courses that fit the filters in the address."""
    return _page(read_filters_leniently())


@blueprint.get("/courses/category/<slug>")
def category(slug: str) -> Response:
    """Show the courses of one category."""
    shelf = get_category(slug)
    return _page(replace(read_filters_leniently(), category=shelf.slug), shelf)
