"""Asks PostgreSQL directly, past the application's pool, with little patience."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import wraps
from typing import Any, Protocol

import psycopg2
from psycopg2.extras import NamedTupleCursor

from app.cli.checks.findings import Finding, skip
from app.current import settings

CONNECT_SECONDS = 3
STATEMENT_MS = 4000

_NOT_THERE = (
    "Start it (supervisorctl start postgres; its log is postgres.log in LOG_DIR), or put right the "
    "host and port in DATABASE_URL."
)
# What libpq says, what that means, what to do.
_REASONS = (
    ("password authentication failed", "it refuses the password",
     "Put the role's password into DATABASE_URL (DATABASE_URL_FILE), or set it: "
     "ALTER ROLE ... PASSWORD."),
    ("no password supplied", "it wants a password and the address has none",
     "Write it into DATABASE_URL, as postgresql://user:password@host/database."),
    ("authentication failed", "it does not let this user in",
     "Run as the application's own user, or see pg_hba.conf and pg_ident.conf."),
    ("no pg_hba.conf entry", "it lets nobody in from here",
     "Add a line for this host and role to pg_hba.conf, then reload PostgreSQL."),
    ("too many clients", "all its connections are taken",
     "Lower WEB_WORKERS or DATABASE_POOL_SIZE, or raise max_connections."),
    ("remaining connection slots", "all its connections are taken",
     "Lower WEB_WORKERS or DATABASE_POOL_SIZE, or raise max_connections."),
    ("does not exist", "it knows no such database or role",
     "Create what DATABASE_URL names, or put the name right."),
    ("could not translate host name", "no such host is known",
     "Put the host in DATABASE_URL right, or mend the name service of this machine."),
    ("starting up", "it is starting", "Wait a moment; postgres.log says how far it is."),
    ("recovery", "it is recovering after a crash", "Wait; postgres.log says how far it is."),
    ("shutting down", "it is stopping", "Start it again: supervisorctl start postgres."),
    ("timeout expired", "it does not answer in time",
     "Look for a firewall or an overloaded server between this host and DATABASE_URL's."),
    ("Connection refused", "nothing listens there", _NOT_THERE),
    ("No such file or directory", "its socket is not there", _NOT_THERE),
)  # fmt: skip


class Asker(Protocol):
    """Runs one query and returns its rows, as named tuples."""

    def __call__(self, query: str, values: dict[str, Any] | None = None) -> list[Any]: ...


class Look(Protocol):
    """A check that asks the database."""

    def __call__(self, ask: Asker) -> Finding | list[Finding]: ...


@contextmanager
def asking(url: str) -> Iterator[Asker]:
    """Connect for the block, to read. Raises psycopg2.Error."""
    with closing(
        psycopg2.connect(
            url.replace("postgresql+psycopg2://", "postgresql://", 1),
            connect_timeout=CONNECT_SECONDS,
            application_name="doctor",
            options=f"-c statement_timeout={STATEMENT_MS}",
            cursor_factory=NamedTupleCursor,
        )
    ) as connection:
        connection.set_session(readonly=True, autocommit=True)

        def ask(query: str, values: dict[str, Any] | None = None) -> list[Any]:
            with connection.cursor() as cursor:
                cursor.execute(query, values)
                return list(cursor.fetchall())

        yield ask


def explain(error: psycopg2.Error) -> tuple[str, str]:
    """Return why there is no connection, and the remedy; never any part of the address."""
    said = str(error)
    for needle, reason, remedy in _REASONS:
        if needle in said:
            return reason, remedy
    return "its address is not one" if "dsn" in said else "it refuses the connection", (
        "DATABASE_URL must be postgresql://user:password@host:port/database; "
        "write @ : / ? in a password as %40 %3A %2F %3F."
    )


def of_database(look: Look) -> Any:
    """Make a check of `look`, skipped while the database does not answer: another check says so."""

    @wraps(look)
    def check() -> Finding | list[Finding]:
        try:
            with asking(settings.database_url) as ask:
                return look(ask)
        except psycopg2.OperationalError as error:
            return skip(f"the database could not be asked: {explain(error)[0]}")

    return check
