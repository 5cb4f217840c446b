"""Two transactions that overlap on purpose: the second begins before the first has committed."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from flask import Flask
from sqlalchemy import text

from app.database import db
from tests.support.server import wait_until

_WAITING = text(
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


def is_somebody_waiting() -> bool:
    """Whether any transaction waits for a lock of another."""
    db.session.execute(text("SELECT pg_stat_clear_snapshot()"))  # it holds for a transaction
    return bool(db.session.scalar(_WAITING))


def overlapping(app: Flask, first: Callable[[], object], second: Callable[[], object]) -> None:
    """Do `first`, start `second` elsewhere, and commit `first` once `second` waits or is done."""

    def elsewhere() -> None:
        with app.app_context():
            second()
            db.session.commit()

    first()
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(elsewhere)
        wait_until(lambda: other.done() or is_somebody_waiting(), 4, "the second waits or is done")
        db.session.commit()
        other.result(timeout=30)
    db.session.expire_all()
