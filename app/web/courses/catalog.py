"""The catalog and the shelf of one category."""

from dataclasses import replace
from typing import cast

from flask import Response, current_app
from flask.blueprints import BlueprintSetupState
from flask_babel import get_locale

from app.config import Environment
from app.domain.courses.categories import CategoryView, get_category
from app.domain.courses.filters import CatalogFilters
from app.web.access import signed_in
from app.web.caching import share_with_visitors
from app.web.courses import blueprint
from app.web.courses.fragments import FRESH_SECONDS, Kept, render_fragment
from app.web.courses.queries import read_filters_leniently
from app.web.courses.shells import Shell, Viewer, render_shell
from app.web.reading import from_replica

EXTENSION = "catalog_shells"


@blueprint.record
def _keep_shells(state: BlueprintSetupState) -> None:
    """Give the application its own shells; in development every page is rendered anew."""
    is_development = state.app.extensions["settings"].app_env is Environment.DEVELOPMENT
    state.app.extensions[EXTENSION] = Kept[Shell](0 if is_development else FRESH_SECONDS)


def _page(filters: CatalogFilters, category: CategoryView | None = None) -> Response:
    person = signed_in()
    viewer = Viewer.of(person)

    def render() -> Shell:
        return render_shell(render_fragment(filters, category), category, viewer)

    shells = cast(Kept[Shell], current_app.extensions[EXTENSION])
    # What people typed is seldom typed twice, so it is not worth keeping.
    key = (filters, category, viewer, str(get_locale()))
    shell = render() if filters.q else shells.get(key, render)
    body = shell.addressed_to(person)
    return share_with_visitors(Response(body, 404 if shell.fragment.is_past_the_end else 200))


@blueprint.get("/courses")
def index() -> Response:
    """Show the courses that fit the filters in the address."""
    return _page(read_filters_leniently())


@blueprint.get("/courses/category/<slug>")
def category(slug: str) -> Response:
    """Show the courses of one category."""
    shelf = from_replica(lambda: get_category(slug))
    return _page(replace(read_filters_leniently(), category=shelf.slug), shelf)
