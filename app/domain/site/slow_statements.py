"""What PostgreSQL says of the statements it ran: which take its time. By pg_stat_statements.

Statements are told with placeholders for values. Whatever quoted words remain are left out, and of
statements other than reading and changing rows nothing is told: they may hold a password.
"""

import enum
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.database import db

SHOWN = 25
MAX_LENGTH = 4000
_WHERE = text("""
SELECT quote_ident(n.nspname) AS schema, current_user AS role
FROM pg_roles r
LEFT JOIN pg_extension e ON e.extname = 'pg_stat_statements'
LEFT JOIN pg_namespace n ON n.oid = e.extnamespace
WHERE r.rolname = current_user
""")
_LIST = """
SELECT query, calls, total_exec_time AS total_ms, mean_exec_time AS mean_ms,
    max_exec_time AS max_ms, rows,
    shared_blks_hit::float / nullif(shared_blks_hit + shared_blks_read, 0) AS hit_share,
    total_exec_time / nullif(sum(total_exec_time) OVER (), 0) AS share
FROM {schema}.pg_stat_statements
WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND query ~* :is_plain
ORDER BY total_exec_time DESC LIMIT :limit
"""
_SINCE = "SELECT stats_reset FROM {schema}.pg_stat_statements_info"
_RESET = """
SELECT {schema}.pg_stat_statements_reset(
    0, (SELECT oid FROM pg_database WHERE datname = current_database()), 0)
"""
_IS_PLAIN = r"^\s*(prepare\s+\w+\s*(\([^)]*\)\s*)?as\s+)?(select|insert|update|delete|with|merge)\M"
_QUOTED = re.compile(r"'(?:[^']|'')*'|\$(\w*)\$.*?\$\1\$", re.DOTALL)
_SPACE = re.compile(r"\s+")


class Standing(enum.StrEnum):
    """Whether statements are counted, and what is in the way."""

    COUNTED = "counted"
    NO_EXTENSION = "no_extension"
    NOT_LOADED = "not_loaded"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Statement:
    """A kind of statement: how often it ran, and how long. `share` is of the time of all."""

    query: str
    calls: int
    total_ms: float
    mean_ms: float
    max_ms: float
    rows: int
    hit_share: float | None
    share: float | None


@dataclass(frozen=True, slots=True)
class Report:
    """The statements that took most time since `since`, or why there are none."""

    standing: Standing
    role: str
    since: datetime | None = None
    statements: Sequence[Statement] = ()


def read() -> Report:
    """Return the statements that take most of PostgreSQL's time, as far as may be known."""
    schema, role = _schema()
    if schema is None:
        return Report(Standing.NO_EXTENSION, role)
    try:
        since = db.session.scalar(text(_SINCE.format(schema=schema)))
        asked = {"limit": SHOWN, "is_plain": _IS_PLAIN}
        rows = db.session.execute(text(_LIST.format(schema=schema)), asked).mappings()
        found = [Statement(**{**row, "query": plain(row["query"])}) for row in rows]
    except DBAPIError as error:
        db.session.rollback()
        return Report(_reason(error), role)
    return Report(Standing.COUNTED, role, since, found)


def reset() -> Standing:
    """Begin to count anew in this database, or say what is in the way."""
    schema, _ = _schema()
    if schema is None:
        return Standing.NO_EXTENSION
    try:
        with db.session.begin_nested():
            db.session.execute(text(_RESET.format(schema=schema)))
    except DBAPIError as error:
        return _reason(error)
    return Standing.COUNTED


def plain(query: str) -> str:
    """Return a statement on one line, without quoted words."""
    return _SPACE.sub(" ", _QUOTED.sub("'…'", query)).strip()[:MAX_LENGTH]


def _schema() -> tuple[str | None, str]:
    row = db.session.execute(_WHERE).one()
    return row.schema, row.role


def _reason(error: DBAPIError) -> Standing:
    """Return what is in the way. Raises `error` when that is something else."""
    code = getattr(error.orig, "pgcode", None)
    if code == "55000":  # object_not_in_prerequisite_state
        return Standing.NOT_LOADED
    if code in ("42501", "42883"):  # no privilege; no such function
        return Standing.REFUSED
    raise error
