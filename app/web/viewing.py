"""Looking as somebody else, as requests see it: a cookie beside the viewer's own.

The administration stays the viewer's own; everywhere else the request acts for who is looked at,
may change nothing, and has no account pages and no player.
"""

from flask import Response, request

from app.current import settings
from app.domain.accounts import viewing
from app.domain.accounts.sessions import SignedIn
from app.domain.accounts.viewing import LASTS, View

OWN_BLUEPRINT = "admin"
CLOSED_BLUEPRINTS = frozenset({"auth", "playback"})
READ_ONLY = (
    "You are looking at the site as somebody else: nothing can be changed, nothing plays, and the "
    "account's own pages stay closed. Stop looking to be yourself again."
)


def cookie_name() -> str:
    """Return the view's cookie name: with the `__Host-` prefix wherever the site is https."""
    return "__Host-view" if settings.is_https else "view"


def has_cookie() -> bool:
    """Whether the request may be a look as somebody else."""
    return cookie_name() in request.cookies


def find_view(viewer: SignedIn) -> View | None:
    """Return whom the viewer looks as, if anybody."""
    # Asking for a cookie that is not there makes and catches an exception.
    return viewing.find(viewer, request.cookies[cookie_name()]) if has_cookie() else None


def is_own_ground() -> bool:
    """Whether viewers are themselves here."""
    return request.blueprint == OWN_BLUEPRINT


def is_closed(*, is_safe: bool) -> bool:
    """Whether nobody who looks as somebody else may pass."""
    return not is_safe or request.blueprint in CLOSED_BLUEPRINTS


def set_cookie(response: Response, token: str) -> None:
    """Put the view's token beside the session's."""
    response.set_cookie(
        cookie_name(),
        token,
        max_age=int(LASTS.total_seconds()),
        secure=settings.is_https,
        httponly=True,
        samesite="Lax",
        path="/",
    )


def clear_cookie(response: Response) -> None:
    """Take the view's cookie back."""
    response.delete_cookie(
        cookie_name(), path="/", secure=settings.is_https, httponly=True, samesite="Lax"
    )
