"""Pages that are the same for every visitor: caches may share them, and unchanged ones are 304."""

from flask import Response, make_response, request, session

from app.web.access import signed_in

VISITORS_SECONDS = 60
# For caches that answer at once and ask for a newer page behind that answer, or cannot get one.
STALE_SECONDS = 30
STALE_IF_ERROR_SECONDS = 3600


def share_with_visitors(body: str | Response, seconds: int = VISITORS_SECONDS) -> Response:
    """Return `body`, public for `seconds` unless it belongs to somebody.

    A visitor with anything in the form cookie (a token, a message) is somebody, too.
    """
    response = make_response(body)
    if signed_in() is None and not session:
        response.cache_control.public = True
        response.cache_control.max_age = seconds
        response.cache_control.stale_while_revalidate = STALE_SECONDS
        response.cache_control.stale_if_error = STALE_IF_ERROR_SECONDS
        response.add_etag()
        response.make_conditional(request)
    return response
