"""The pool notices by itself that PostgreSQL went away and came back."""

from flask import Flask
from sqlalchemy import create_engine, text

from app.database import db


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
