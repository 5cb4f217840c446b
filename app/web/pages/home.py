"""The home page and the training programme."""

from flask import Response

from app.domain.courses.catalog import list_featured
from app.domain.courses.categories import list_categories
from app.web.pages import blueprint
from app.web.reading import from_replica
from app.web.shells import Contents, show

FEATURED_AT_HOME = 7
FEATURED_IN_TRAINING = 3


def contents_of(template: str, limit: int) -> Contents:
    """Return what both pages show of the courses."""
    featured, categories = from_replica(lambda: (list_featured(limit), list_categories()))
    return Contents(template, {"featured": featured, "categories": categories}, featured)


@blueprint.get("/")
def home() -> Response:
    """Show what people come for."""
    return show("home", "/", lambda: contents_of("pages/home.html", FEATURED_AT_HOME))


@blueprint.get("/training")
def training() -> Response:
    """Show the training programme."""
    read = lambda: contents_of("pages/training.html", FEATURED_IN_TRAINING)  # noqa: E731
    return show("training", "/training", read)
