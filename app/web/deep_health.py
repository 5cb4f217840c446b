"""How everyone stands that this installation depends on: for staff and for monitoring."""

from datetime import timedelta
from typing import Any, cast

from flask import current_app
from sqlalchemy.exc import SQLAlchemyError

from app.clock import utcnow
from app.database import db
from app.domain.outbox import queue
from app.integrations import probes
from app.integrations.probes import Probe, Probes, State, Told
from app.web.extensions import limiter

HEARTBEAT = timedelta(seconds=60)
_EXTENSION = "deep_health"


def deep_health() -> dict[str, Told]:
    """Return how each vendor, Redis and the worker stand; takes three seconds at most."""
    return _probes(current_app.extensions).ask() | {"worker": _worker()}


def _probes(extensions: dict[str, Any]) -> Probes:
    """Return the probes of this application, made when somebody wants to know for the first time.

    Their threads have no application context: they hold the real things, no proxies.
    """
    if _EXTENSION not in extensions:
        vendors = probes.of(extensions["settings"], extensions["integrations"])
        redis: Probe | None = _ask_redis if extensions["settings"].redis_url else None
        extensions.setdefault(_EXTENSION, Probes({**vendors, "redis": redis}))
    return cast(Probes, extensions[_EXTENSION])


def _ask_redis() -> None:
    if limiter.storage is None or not limiter.storage.check():
        raise ConnectionError("Redis does not answer")


def _worker() -> Told:
    """Return whether a worker was seen lately; the database itself is asked by `ready`."""
    try:
        seen = [worker.seen_at for worker in queue.list_workers()]
    except SQLAlchemyError as error:
        db.session.rollback()
        return Told(State.FAILED, detail=type(error).__name__)
    if not seen:
        return Told(State.FAILED, detail="no worker runs")
    if utcnow() - max(seen) > HEARTBEAT:
        return Told(State.FAILED, detail="no worker has given a sign of life for a minute")
    return Told(State.OK)
