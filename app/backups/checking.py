"""Whether a recovered database is the one that was backed up, and whole."""

import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2

from app.backups import facts
from app.integrations.postgres_tools import PostgresFailed, RecoveryServer, run_tool

ROOT = Path(__file__).resolve().parents[2]
_HEAD = re.compile(r"Head[^\n]*: (\d+:[0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Checked:
    """What a database came to, and what is not as it should be."""

    tables: int
    rows: int
    audit_head: str
    faults: tuple[str, ...]


def check(
    server: RecoveryServer, contents: Mapping[str, Any], *, is_exact: bool, is_thorough: bool
) -> Checked:
    """Compare a running database with what `contents` says of it.

    `is_exact`: nothing was replayed since, so every table that lay still must be the same.
    `is_thorough`: every page and index is read.
    """
    connection = facts.connect(server.address(contents["database"]))
    try:
        found = facts.read_tables(connection)
    finally:
        connection.close()
    faults = []
    if is_exact:
        faults += facts.differences(facts.from_json(contents["still"]), found)
    head, audit_faults = _walk_audit_trail(server, contents)
    faults += audit_faults
    if is_thorough:
        faults += _read_every_page(server, contents["database"])
    rows = sum(table.rows for table in found.values())
    return Checked(len(found), rows, head, tuple(faults))


def _walk_audit_trail(server: RecoveryServer, contents: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Have the product itself walk the trail, from its first row past the head of the backup."""
    environment = {
        "APP_ENV": "development",
        "DATABASE_URL": f"postgresql://{server.superuser}@/{contents['database']}?host={server.folder}",
        "DATA_DIR": str(server.folder),
        "LOG_LEVEL": "ERROR",
        "PATH": "/usr/bin:/bin",
    }
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "audit", "verify"]
    done = subprocess.run(
        [*command, "--expect", contents["audit_head"]],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment,
    )
    found = _HEAD.search(done.stdout)
    if done.returncode or not found:
        said = (done.stderr or done.stdout).strip().splitlines()
        return "", ["the audit trail: " + (said[-1] if said else "it cannot be walked")]
    return found[1], []


def _read_every_page(server: RecoveryServer, database: str) -> list[str]:
    connection = psycopg2.connect(server.address(database))
    connection.autocommit = True
    where = ["-h", str(server.folder), "-U", server.superuser, "-d", database]
    with connection.cursor() as cursor:
        cursor.execute("select 1 from pg_extension where extname = 'amcheck'")
        was_there = cursor.fetchone() is not None
        try:
            run_tool(
                server.programs,
                ["pg_amcheck", *where, "--install-missing", "--heapallindexed"],
                {},
            )
        except PostgresFailed as error:
            return [str(error)]
        finally:
            if not was_there:
                cursor.execute("drop extension if exists amcheck")
            connection.close()
    return []
