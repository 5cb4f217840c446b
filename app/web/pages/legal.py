"""Terms and privacy."""

from flask import Response, render_template
from flask_babel import gettext, lazy_gettext

from app.errors import NotFound
from app.web.caching import share_with_visitors
from app.web.pages import blueprint

TITLES = {"terms": lazy_gettext("Terms of use"), "privacy": lazy_gettext("Privacy")}


@blueprint.get("/legal/<page>")
def legal(page: str) -> Response:
    """Show one of the legal texts."""
    if page not in TITLES:
        raise NotFound
    title = gettext(str(TITLES[page]))
    return share_with_visitors(render_template("pages/legal.html", page=page, title=title))
