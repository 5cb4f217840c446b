"""The home page and the training programme."""

from flask import Response, render_template

from app.domain.courses.cards import CourseCard, with_progress
from app.domain.courses.catalog import list_featured
from app.domain.courses.categories import CategoryView, list_categories
from app.web.access import signed_in
from app.web.caching import share_with_visitors
from app.web.pages import blueprint
from app.web.reading import from_replica

FEATURED_AT_HOME = 7
FEATURED_IN_TRAINING = 3


def _shown(limit: int) -> dict[str, list[CourseCard] | list[CategoryView]]:
    """Return what both pages show of the courses."""
    person = signed_in()
    user_id = person.user_id if person else None
    return from_replica(
        lambda: {
            "featured": with_progress(list_featured(limit), user_id),
            "categories": list_categories(),
        }
    )


@blueprint.get("/")
def home() -> Response:
    """Show what people come for."""
    return share_with_visitors(render_template("pages/home.html", **_shown(FEATURED_AT_HOME)))


@blueprint.get("/training")
def training() -> Response:
    """Show the training programme."""
    page = render_template("pages/training.html", **_shown(FEATURED_IN_TRAINING))
    return share_with_visitors(page)
