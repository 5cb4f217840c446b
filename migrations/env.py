"""Runs migrations beside a release that serves: impatient about locks, patient about trying again.

Whoever waits for a lock on a table lets everybody wait who comes after. So a migration gives up
after LOCK_TIMEOUT_MS, lets those pass, and begins again; `migrations/online.py` has the steps.
"""

import random
import time

from alembic import context
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import current_app
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

LOCK_TIMEOUT_MS = 400
STATEMENT_TIMEOUT = "15min"
ATTEMPTS = 120
PAUSE_SECONDS = (0.3, 0.7)
WORTH_ANOTHER_TRY = ("55P03", "40P01")  # a lock was not to be had; a deadlock was broken
ONE_AT_A_TIME = 7_262_009_103  # the advisory lock that two hosts of one database fight for
TURN_SECONDS = 900
EXTERNAL_PREFIXES = ("procrastinate_",)
EXTERNAL_TABLES = frozenset({"rate_limits", "alembic_version"})

# What the application's role may do where another one owns the tables: rows, and no more. Later
# tables are covered by the default privileges; what is append-only stays so without its trigger.
RIGHTS = """
GRANT USAGE ON SCHEMA public TO {role};
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role};
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role};
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role};
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO {role};
REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM {role};
"""
APPEND_ONLY = r"""
SELECT DISTINCT tgrelid::regclass::text FROM pg_trigger WHERE tgname LIKE '%\_append\_only'
"""

database = current_app.extensions["migrate"].db
settings = current_app.extensions["settings"]


def is_ours(thing, name, type_, _reflected, _compare_to):
    """Leave tables alone that are written in SQL and mapped by nobody."""
    table = name if type_ == "table" else getattr(getattr(thing, "table", None), "name", "")
    return not (table in EXTERNAL_TABLES or table.startswith(EXTERNAL_PREFIXES))


def say(words: str) -> None:
    """Tell whoever runs this."""
    context.config.print_stdout(words)


def migrator_engine():
    """Return the engine of the role that owns the tables, the application's own by default."""
    if not settings.database_migrator_url:
        return database.engine
    return create_engine(settings.database_migrator_url, poolclass=NullPool)


def grant_rights(connection) -> None:
    """Give the application's role its rows where it does not own the tables itself."""
    if not settings.database_migrator_url:
        return
    role = make_url(settings.database_url).username
    if role is None or role == make_url(settings.database_migrator_url).username:
        return
    role = connection.dialect.identifier_preparer.quote(role)
    connection.execute(text(RIGHTS.format(role=role)))
    for table in connection.scalars(text(APPEND_ONLY)).all():
        connection.execute(text(f"REVOKE UPDATE, DELETE ON {table} FROM {role}"))
    connection.commit()


def prepare(connection) -> None:
    """Bound what a migration may wait for and last."""
    connection.execute(text(f"SET lock_timeout = {LOCK_TIMEOUT_MS}"))
    connection.execute(text(f"SET statement_timeout = '{STATEMENT_TIMEOUT}'"))
    connection.commit()


def take_turn(connection) -> None:
    """Let one migration at a time into the database.

    Asked for again and again: who sleeps in a statement holds a snapshot, which an index that is
    built concurrently waits for.
    """
    until = time.monotonic() + TURN_SECONDS
    asked = text(f"SELECT pg_try_advisory_lock({ONE_AT_A_TIME})")
    while not connection.scalar(asked):
        connection.rollback()
        if time.monotonic() > until:
            raise SystemExit(
                "Another migration of this database does not end; look at pg_stat_activity"
            )
        time.sleep(PAUSE_SECONDS[0])
    connection.commit()


def is_ahead(connection) -> bool:
    """Whether a later release migrated this database: an older one has nothing to add to it."""
    applied = set(MigrationContext.configure(connection).get_current_heads())
    connection.rollback()
    scripts = ScriptDirectory.from_config(context.config)
    known = {script.revision for script in scripts.walk_revisions()}
    return bool(applied) and not applied & known


def migrate(connection) -> None:
    """Apply the migrations in one transaction each."""
    context.configure(
        connection=connection,
        target_metadata=database.metadatas[None],
        include_object=is_ours,
        transaction_per_migration=True,
        **current_app.extensions["migrate"].configure_args,
    )
    with context.begin_transaction():
        context.run_migrations()


def has_migrated(connection, attempt: int) -> bool:
    """Try once; False when a table was busy and another attempt is worth it."""
    try:
        migrate(connection)
    except OperationalError as error:
        connection.rollback()
        if getattr(error.orig, "pgcode", None) not in WORTH_ANOTHER_TRY or attempt == ATTEMPTS:
            raise
        say(f"A table is busy; attempt {attempt} of {ATTEMPTS} made way.")
        prepare(connection)
        return False
    return True


def run() -> None:
    """Migrate, as often as it takes to get every lock at once."""
    with migrator_engine().connect() as connection:
        prepare(connection)
        take_turn(connection)
        try:
            if is_ahead(connection):
                say("The database is of a later release; nothing to do.")
                return
            attempts = iter(range(1, ATTEMPTS + 1))
            while not has_migrated(connection, next(attempts)):
                time.sleep(random.uniform(*PAUSE_SECONDS))  # noqa: S311 - no secret
            grant_rights(connection)
        finally:
            if not connection.invalidated:
                connection.rollback()
                connection.execute(text(f"SELECT pg_advisory_unlock({ONE_AT_A_TIME})"))
                connection.commit()


run()
