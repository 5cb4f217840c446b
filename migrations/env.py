"""Runs migrations on the application's database, impatient about locks."""

from alembic import context
from flask import current_app
from sqlalchemy import text

LOCK_TIMEOUT = "5s"
STATEMENT_TIMEOUT = "15min"
EXTERNAL_PREFIXES = ("procrastinate_",)
EXTERNAL_TABLES = frozenset({"rate_limits", "alembic_version"})

database = current_app.extensions["migrate"].db


def is_ours(thing, name, type_, _reflected, _compare_to):
    """Leave tables alone that are written in SQL and mapped by nobody."""
    table = name if type_ == "table" else getattr(getattr(thing, "table", None), "name", "")
    return not (table in EXTERNAL_TABLES or table.startswith(EXTERNAL_PREFIXES))


def run() -> None:
    """Apply the migrations in one transaction each."""
    with database.engine.connect() as connection:
        connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
        connection.execute(text(f"SET statement_timeout = '{STATEMENT_TIMEOUT}'"))
        connection.commit()
        context.configure(
            connection=connection,
            target_metadata=database.metadatas[None],
            include_object=is_ours,
            transaction_per_migration=True,
            **current_app.extensions["migrate"].configure_args,
        )
        with context.begin_transaction():
            context.run_migrations()


run()
