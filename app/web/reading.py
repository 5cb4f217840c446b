"""Which reads may come from the replica: those a route hands to `from_replica`, and no other.

Whoever has just written something reads from the primary until the replica has it, too.
"""

import re
from collections.abc import Callable
from typing import TypeVar, cast

from flask import Flask, Response, current_app, g, has_request_context, request
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from app.config import Settings
from app.current import settings
from app.database import db, read_alone, reads_alone
from app.replica import Replica, written_position
from app.web import bearer

T = TypeVar("T")

EXTENSION = "replica"
# Past this a replica that still lacks what was written is too far behind to be read at all.
COOKIE_SECONDS = 30
POSITION = re.compile(r"[0-9a-f]{1,16}")
UNKNOWN = "unknown"


def from_replica(read: Callable[[], T]) -> T:
    """Return what `read` finds, where the replica may be what it reads.

    For what anybody may see some moments late. `read` only reads, and may be called twice. What it
    hands over in its turn is read where it is read itself.
    """
    replica = cast("Replica | None", current_app.extensions.get(EXTENSION))
    if replica is None or "has_written" in g or "is_reading" in g:
        return read()
    written = _own_position()
    if written is None:
        return read()
    g.is_reading = True
    try:
        return replica.read(read, written)
    finally:
        g.pop("is_reading")


def _own_position() -> int | None:
    """Return how much the replica must hold for this reader; None when nobody can tell."""
    if bearer.token() is not None:  # programs keep no cookies
        return None
    kept = request.cookies.get(_cookie_name())
    if kept is None:
        return 0
    return int(kept, 16) if POSITION.fullmatch(kept) else None


def _cookie_name() -> str:
    return "__Host-written" if settings.is_https else "written"


def _note_commit(_session: Session) -> None:
    """Note that the request wrote something; a session that reads alone commits nothing."""
    if has_request_context() and not reads_alone():
        g.has_written = True


def _tell_position(response: Response) -> Response:
    """Give whoever has written something the position that they must find on a replica."""
    if "has_written" not in g:
        return response
    read_alone()
    try:
        position = f"{written_position():x}"
    except (DBAPIError, PoolTimeout):  # what was committed stays so
        position = UNKNOWN
    response.set_cookie(
        _cookie_name(),
        position,
        max_age=COOKIE_SECONDS,
        secure=settings.is_https,
        httponly=True,
        samesite="Lax",
        path="/",
    )
    return response


def init_app(app: Flask, settings: Settings) -> None:
    """Read from the replica, if there is one; without one nothing is installed."""
    if not settings.database_replica_url:
        return
    app.extensions[EXTENSION] = Replica(settings.database_replica_url, settings.database_pool_size)
    event.listen(db.session, "after_commit", _note_commit)
    app.after_request(_tell_position)
