"""What a database was when it was backed up, by which the restored one is known again."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812 - it is a class

from app.backups.trouble import BackupError
from app.integrations.postgres_tools import libpq_address

# Rows that come and go while nobody does anything: they are counted, not compared.
RESTLESS = ("procrastinate_",)
_TABLES = """
    select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind = 'r' and c.relpersistence = 'p' and n.nspname not like 'pg\\_%'
    and n.nspname <> 'information_schema' order by 1, 2
"""
_SUM = "select count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text from {} t"
# How rows look as text hangs on these; both databases must write them alike.
_SETTINGS = """
    set statement_timeout = 0; set idle_in_transaction_session_timeout = 0;
    set timezone = 'UTC'; set datestyle = 'ISO, MDY'; set intervalstyle = 'postgres';
    set extra_float_digits = 1; set bytea_output = 'hex'; set xmloption = 'content'
"""


@dataclass(frozen=True, slots=True)
class Table:
    """How many rows a table has, and a sum over the hashes of them all, whatever their order."""

    rows: int
    checksum: str


@dataclass(frozen=True, slots=True)
class Server:
    """Which server it is."""

    version: str
    major: int
    segment_bytes: int
    superuser: str
    database: str


Tables = Mapping[str, Table]


def connect(address: str) -> Connection:
    """Return a connection that may take its time. Raises BackupError."""
    try:
        connection = psycopg2.connect(libpq_address(address))
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(_SETTINGS)
    except psycopg2.Error as error:
        raise BackupError(f"PostgreSQL does not let us in: {str(error).strip()}") from error
    return connection


def read_server(connection: Connection) -> Server:
    """Return what the server says of itself."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select current_setting('server_version'), current_setting('server_version_num')::int,"
            " (select setting::bigint from pg_settings where name = 'wal_segment_size'),"
            " (select rolname from pg_roles where oid = 10), current_database()"
        )
        version, number, segment_bytes, superuser, database = cursor.fetchone() or ()
    return Server(version, number // 10000, segment_bytes, superuser, database)


def read_tables(connection: Connection) -> dict[str, Table]:
    """Count and sum every table that is kept, all of one moment; it reads the whole database."""
    found = {}
    with connection.cursor() as cursor:
        cursor.execute("begin isolation level repeatable read read only")
        try:
            cursor.execute(_TABLES)
            for schema, name in cursor.fetchall():
                cursor.execute(sql.SQL(_SUM).format(sql.Identifier(schema, name)))
                rows, checksum = cursor.fetchone() or (0, "")
                found[f"{schema}.{name}"] = Table(rows, checksum)
        except psycopg2.Error as error:
            raise BackupError(f"A table cannot be read: {str(error).strip()}") from error
        finally:
            with suppress(psycopg2.Error):  # the server may be gone
                cursor.execute("rollback")
    return found


def still(before: Tables, after: Tables) -> dict[str, Table]:
    """Return the tables that nothing changed while the backup was taken."""
    return {
        name: table
        for name, table in before.items()
        if after.get(name) == table and not _is_restless(name)
    }


def differences(expected: Tables, found: Tables) -> list[str]:
    """Say which of the `expected` tables are no longer what they were."""
    lines = []
    for name, table in expected.items():
        now = found.get(name)
        if now is None:
            lines.append(f"{name} is gone")
        elif now.rows != table.rows:
            lines.append(f"{name} has {now.rows} rows, and had {table.rows}")
        elif now.checksum != table.checksum:
            lines.append(f"{name} holds other values than it did")
    return lines


def to_json(tables: Tables) -> dict[str, Any]:
    """Return the tables in JSON's terms."""
    return {name: asdict(table) for name, table in tables.items()}


def from_json(values: Mapping[str, Any]) -> dict[str, Table]:
    """Return what `to_json` was given."""
    return {name: Table(**value) for name, value in values.items()}


def _is_restless(name: str) -> bool:
    return name.partition(".")[2].startswith(RESTLESS)
