"""The pool notices by itself that PostgreSQL went away and came back."""

from flask import Flask
from sqlalchemy import create_engine, text

from app.database import db, read_alone


def test_connections_cut_while_idle_are_replaced_unseen(committed_app: Flask) -> None:
    with db.engine.connect() as first, db.engine.connect() as second:
        first.execute(text("SELECT 1"))
        second.execute(text("SELECT 1"))
    outside = create_engine(committed_app.extensions["settings"].database_url)
    with outside.connect() as connection:
        cut = connection.execute(
            text(
                "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        ).scalar_one()
    outside.dispose()
    assert cut == 2
    for _ in range(2):
        assert db.session.execute(text("SELECT 1")).scalar_one() == 1
        db.session.remove()


def _two_clocks() -> bool:
    """Whether two statements were told the same time, as they are inside one transaction."""
    return len({db.session.execute(text("SELECT now()")).scalar_one() for _ in range(2)}) == 1


def test_a_session_is_one_transaction_unless_it_reads_alone(committed_app: Flask) -> None:
    assert _two_clocks()
    db.session.remove()
    read_alone()
    assert not _two_clocks()
    db.session.remove()
    assert _two_clocks()
