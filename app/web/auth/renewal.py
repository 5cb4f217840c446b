"""Keeps the login cookie as long as its session: both last 30 days from their last use."""

from flask import Response, g, request

from app.clock import utcnow
from app.domain.accounts.sessions import TOUCH_INTERVAL, SignedIn
from app.web.access import session_cookie_name, set_session_cookie
from app.web.auth import blueprint


@blueprint.after_app_request
def renew_cookie(response: Response) -> Response:
    """Send the cookie again whenever this request has moved the session's end.

    Signing in and out set the cookie themselves.
    """
    person: SignedIn | None = g.get("signed_in")
    if person is None or request.blueprint == blueprint.name:
        return response
    if utcnow() - person.last_seen_at >= TOUCH_INTERVAL:
        set_session_cookie(response, request.cookies[session_cookie_name()])
    return response
