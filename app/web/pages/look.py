"""The site's own look: its accent as a stylesheet, its logo."""

from uuid import UUID

from flask import Response, request

from app.domain.site import logos
from app.domain.site.accent import stylesheet
from app.errors import NotFound
from app.web.pages import blueprint
from app.web.site import look_version

HUES = 360
YEAR_SECONDS = 31536000


@blueprint.get("/accent/<int:hue>.css")
def accent(hue: int) -> Response:
    """Return the accent of a hue; the version in the address changes with the sheet."""
    if hue >= HUES:
        raise NotFound
    response = Response(stylesheet(hue), mimetype="text/css")
    is_current = request.args.get("v") == look_version(hue)
    return _kept(response, YEAR_SECONDS if is_current else 0)


@blueprint.get("/logo/<uuid:logo_id>.webp")
def logo(logo_id: UUID) -> Response:
    """Return a logo; another one has another address."""
    return _kept(Response(logos.read(logo_id), mimetype="image/webp"), YEAR_SECONDS)


def _kept(response: Response, seconds: int) -> Response:
    response.cache_control.public = True
    response.cache_control.max_age = seconds
    response.cache_control.immutable = seconds > 0
    return response
