"""Keeps the login cookie as long as its session: both last 30 days from their last use."""

from flask import Response, g, request

from app.clock import utcnow
from app.domain.accounts.models import SessionKind
from app.domain.accounts.sessions import TOUCH_INTERVAL, SignedIn
from app.web.access import session_cookie_name, set_session_cookie
from app.web.auth import blueprint


@blueprint.after_app_request
def renew_cookie(response: Response) -> Response:
    """Send the cookie again whenever this request has moved the session's end.

    What starts, rotates or ends a session sets the cookie itself, and a token that was just
    replaced must not come back.
    """
    person: SignedIn | None = g.get("signed_in")
    if person is None or utcnow() - person.last_seen_at < TOUCH_INTERVAL:
        return response
    if person.kind is not SessionKind.BROWSER or person.is_superseded:
        return response
    if not _sets_session_cookie(response):
        set_session_cookie(response, request.cookies[session_cookie_name()])
    return response


def _sets_session_cookie(response: Response) -> bool:
    name = session_cookie_name()
    return any(one.startswith(f"{name}=") for one in response.headers.getlist("Set-Cookie"))
