"""The database's roles: the application's own may neither change tables nor rewrite the trail."""

import psycopg2

from app.cli.checks.asking import Asker, asking, explain, of_database
from app.cli.checks.findings import Check, Finding, fail, ok, skip, warn
from app.current import settings

GRANTS = "Run ./setup.sh production again: it grants what is missing and takes what is too much."

_POWERS = """
SELECT r.rolsuper AS superuser, r.rolcreaterole AS creates_roles,
    r.rolcreatedb AS creates_databases, r.rolbypassrls AS ignores_policies,
    has_schema_privilege(current_user, 'public', 'CREATE')
        OR has_database_privilege(current_user, current_database(), 'CREATE') AS creates_tables
FROM pg_roles r WHERE r.rolname = current_user
"""
_TABLES = """
SELECT c.relname AS name,
    pg_has_role(current_user, c.relowner, 'USAGE') AS owned,
    has_table_privilege(c.oid, 'TRUNCATE') AS truncated,
    has_table_privilege(c.oid, 'SELECT') AS read,
    c.relname = 'alembic_version' OR has_table_privilege(c.oid, 'INSERT') AS added_to,
    has_table_privilege(c.oid, 'UPDATE') OR has_table_privilege(c.oid, 'DELETE') AS rewritten,
    EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgname LIKE '%\\_append\\_only')
        AS append_only
FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
ORDER BY c.relname
"""
_SEQUENCES = """
SELECT c.relname AS name FROM pg_class c
WHERE c.relnamespace = 'public'::regnamespace
    AND CASE WHEN c.relkind = 'S' THEN NOT has_sequence_privilege(c.oid, 'USAGE') ELSE false END
"""


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"


@of_database
def _too_little(ask: Asker) -> Finding:
    tables = ask(_TABLES)
    closed = [row.name for row in tables if not (row.read and row.added_to)]
    closed += [row.name for row in ask(_SEQUENCES)]
    if closed:
        return fail(f"the application's role may not use {_some(closed)}", GRANTS)
    return ok(f"the application's role may use all {len(tables)} tables")


@of_database
def _too_much(ask: Asker) -> list[Finding]:
    (powers,) = ask(_POWERS)
    if not settings.is_production:
        if powers.superuser:
            return [warn("the application is a superuser", "Give DATABASE_URL a role of its own.")]
        return [ok(f"one role owns everything, as is usual in {settings.app_env.value}")]
    if powers.superuser:
        return [fail("the application's role is a superuser", GRANTS)]
    tables = ask(_TABLES)
    found = [
        (_some([name for name in powers._fields if getattr(powers, name)]), "has the powers"),
        (_some([row.name for row in tables if row.owned]), "owns"),
        (_some([row.name for row in tables if row.truncated]), "may empty at once"),
        (
            _some([row.name for row in tables if row.append_only and row.rewritten]),
            "may rewrite what is append-only:",
        ),
    ]
    say = fail if settings.database_migrator_url else warn
    remedy = (
        GRANTS
        if settings.database_migrator_url
        else "Let another role own the tables (DATABASE_MIGRATOR_URL) and grant this one only rows."
    )
    said = [say(f"the application's role {verb} {names}", remedy) for names, verb in found if names]
    return said or [ok("the application's role changes rows, not tables, and no trail")]


def _migrator() -> Finding:
    if not settings.database_migrator_url:
        return skip("DATABASE_MIGRATOR_URL is not set: DATABASE_URL's role migrates")
    try:
        with asking(settings.database_migrator_url) as ask:
            foreign = [row.name for row in ask(_TABLES) if not row.owned]
            (powers,) = ask(_POWERS)
    except psycopg2.Error as error:
        if "Peer authentication failed" in str(error):
            return ok("only another user of this machine may change tables")
        reason, remedy = explain(error)
        return fail(
            f"no migration can run: {reason}",
            remedy.replace("DATABASE_URL", "DATABASE_MIGRATOR_URL"),
        )
    if foreign:
        return fail(
            f"the migrator does not own {_some(foreign)}",
            "REASSIGN OWNED BY the present owner TO the role of DATABASE_MIGRATOR_URL.",
        )
    if not powers.creates_tables:
        return fail("the migrator may not create tables", "GRANT CREATE ON SCHEMA public to it.")
    return ok("the migrator owns all tables")


ASKED = "DATABASE_URL's server"
CHECKS = (
    Check("grants", _too_little, ASKED),
    Check("role", _too_much, ASKED),
    Check("migrator", _migrator, "DATABASE_MIGRATOR_URL's server"),
)
