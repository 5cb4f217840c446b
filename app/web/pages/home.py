"""The home page and the training programme."""

from flask import Response, render_template

from app.domain.courses.cards import CourseCard, with_progress
from app.domain.courses.catalog import list_featured
from app.domain.courses.categories import list_categories
from app.web.access import signed_in
from app.web.caching import share_with_visitors
from app.web.pages import blueprint

FEATURED_AT_HOME = 7
FEATURED_IN_TRAINING = 3


def _featured(limit: int) -> list[CourseCard]:
    person = signed_in()
    return with_progress(list_featured(limit), person.user_id if person else None)


@blueprint.get("/")
def home() -> Response:
    """Show what people come for."""
    page = render_template(
        "pages/home.html", featured=_featured(FEATURED_AT_HOME), categories=list_categories()
    )
    return share_with_visitors(page)


@blueprint.get("/training")
def training() -> Response:
    """Show the training programme."""
    page = render_template(
        "pages/training.html",
        featured=_featured(FEATURED_IN_TRAINING),
        categories=list_categories(),
    )
    return share_with_visitors(page)
