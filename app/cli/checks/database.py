"""The database: whether it answers, what it is, whether it is this release's, and its room."""

from pathlib import Path

import psycopg2
from alembic.script import ScriptDirectory
from flask import current_app
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.cli.checks.asking import Asker, asking, explain, of_database
from app.cli.checks.findings import Check, Finding, fail, ok, skip, warn
from app.clock import utcnow
from app.current import settings
from app.database import db
from app.integrations.limit_storage import CONNECTIONS as LIMIT_CONNECTIONS

OLDEST_MAJOR, TESTED_MAJOR = 15, 18
MAX_SKEW_SECONDS, WARN_SKEW_SECONDS = 15.0, 2.0
MAX_LAG_BYTES, MAX_LAG_SECONDS = 64 * 1024**2, 30.0
WRAPAROUND_AGE = 1_000_000_000
JOB_WORKER_CONNECTIONS = 16  # the queue's own and the jobs'
OTHER_CONNECTIONS = 10  # operators, backups, this doctor
LONG_TRANSACTION_MINUTES = 15
RESTORE = "Restore from a backup or move to a new cluster: dump, initdb, restore."


def _answers() -> Finding:
    try:
        with asking(settings.database_url) as ask:
            (where,) = ask("SELECT current_database() AS name, current_user AS role")
    except psycopg2.Error as error:
        reason, remedy = explain(error)
        return fail(f"PostgreSQL: {reason}", remedy)
    return ok(f"answers; database {where.name}, role {where.role}")


@of_database
def _version(ask: Asker) -> Finding:
    (row,) = ask("SELECT current_setting('server_version_num')::int AS number, version() AS name")
    major, name = row.number // 10000, " ".join(row.name.split()[:2])
    if major < OLDEST_MAJOR:
        return fail(f"{name} is too old", f"Move to PostgreSQL {TESTED_MAJOR} (pg_upgrade).")
    if major > TESTED_MAJOR:
        return warn(f"{name} is newer than what was tested", f"Tested is up to {TESTED_MAJOR}.")
    return ok(name)


def _migrations() -> Finding:
    scripts = ScriptDirectory(str(Path(current_app.root_path).parent / "migrations"))
    known, heads = {each.revision for each in scripts.walk_revisions()}, set(scripts.get_heads())
    remedy = "Bring the database to this release: flask db upgrade."
    try:
        with asking(settings.database_url) as ask:
            applied = {row.version_num for row in ask("SELECT version_num FROM alembic_version")}
    except psycopg2.errors.UndefinedTable:
        return fail("the database is empty", remedy)
    except psycopg2.errors.InsufficientPrivilege:
        return fail(
            "this role may not read alembic_version",
            "Grant SELECT on it to the role of DATABASE_URL.",
        )
    except psycopg2.OperationalError as error:
        return skip(f"the database could not be asked: {explain(error)[0]}")
    if applied == heads:
        return ok(f"at {', '.join(sorted(heads))}")
    if applied - known:
        return warn(
            "the database is of a later release than this code",
            "Fine within a release or after a rollback; otherwise run the newer release.",
        )
    return fail(f"at {', '.join(sorted(applied)) or 'nothing'}, behind this code", remedy)


@of_database
def _clock(ask: Asker) -> Finding:
    before = utcnow()
    (row,) = ask("SELECT clock_timestamp() AS told")
    after = utcnow()
    skew = max((before - row.told).total_seconds(), (row.told - after).total_seconds(), 0.0)
    remedy = "Let chrony or systemd-timesyncd set the clocks of both hosts (timedatectl status)."
    said = f"this host's clock and the database's are {skew:.0f} s apart"
    if skew > MAX_SKEW_SECONDS:
        return fail(said, remedy)
    return warn(said, remedy) if skew > WARN_SKEW_SECONDS else ok("the same as the database's")


@of_database
def _collation(ask: Asker) -> list[Finding]:
    (row,) = ask(
        "SELECT pg_encoding_to_char(encoding) AS encoding, datlocprovider AS provider,"
        " datcollversion AS noted, pg_database_collation_actual_version(oid) AS actual"
        " FROM pg_database WHERE datname = current_database()"
    )
    if row.encoding != "UTF8":
        return [fail(f"the encoding is {row.encoding}, not UTF8", RESTORE)]
    if row.noted and row.actual and row.noted != row.actual:
        return [
            fail(
                f"the system's collation changed from {row.noted} to {row.actual}: "
                "indexes on text may be out of order",
                "REINDEX DATABASE CONCURRENTLY, then ALTER DATABASE ... REFRESH COLLATION VERSION.",
            )
        ]
    return [ok(f"UTF8, collation {row.actual or 'built in'}")]


@of_database
def _checksums(ask: Asker) -> Finding:
    (row,) = ask("SELECT current_setting('data_checksums') AS are, current_setting('fsync') AS f")
    if row.f != "on":
        return fail("fsync is off: a power failure loses the database", "Set fsync = on, reload.")
    if row.are != "on":
        return warn(
            "data checksums are off: a failing disk goes unnoticed",
            "Stop PostgreSQL and run pg_checksums --enable on its folder.",
        )
    return ok("on, and what is written is synced")


@of_database
def _vacuum(ask: Asker) -> Finding:
    (row,) = ask(
        "SELECT current_setting('autovacuum') AS is_on, age(datfrozenxid) AS age,"
        " (SELECT string_agg(relname, ', ') FROM pg_stat_user_tables"
        "  WHERE n_dead_tup > 100000 AND n_dead_tup > n_live_tup) AS bloated"
        " FROM pg_database WHERE datname = current_database()"
    )
    if row.is_on != "on":
        return fail("autovacuum is off", "Set autovacuum = on in postgresql.conf, then reload.")
    if row.age > WRAPAROUND_AGE:
        return fail(
            f"the oldest transaction id is {row.age:,} behind: writes stop at 2,000,000,000",
            "End old transactions and replication slots, then vacuumdb --all --freeze.",
        )
    if row.bloated:
        return warn(f"mostly dead rows in {row.bloated}", "VACUUM ANALYZE these tables.")
    return ok("autovacuum keeps up")


@of_database
def _connections(ask: Asker) -> Finding:
    (row,) = ask(
        "SELECT current_setting('max_connections')::int"
        " - current_setting('superuser_reserved_connections')::int AS limit,"
        " (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS used"
    )
    each = settings.database_pool_size + LIMIT_CONNECTIONS
    # A reload has both generations of web workers at once.
    wanted = 2 * settings.web_workers * each + JOB_WORKER_CONNECTIONS + OTHER_CONNECTIONS
    remedy = (
        f"Set max_connections to {wanted + row.used} or more and restart PostgreSQL, or lower "
        "WEB_WORKERS or DATABASE_POOL_SIZE."
    )
    if row.used >= row.limit - OTHER_CONNECTIONS // 2:
        return fail(f"{row.used} of {row.limit} connections are taken", remedy)
    if wanted > row.limit:
        return warn(
            f"a reload of this host's {settings.web_workers} web workers may take {wanted} "
            f"connections; the server has {row.limit}",
            remedy,
        )
    return ok(f"{row.used} of {row.limit} taken; this host takes {wanted} at most")


@of_database
def _transactions(ask: Asker) -> Finding:
    (row,) = ask(
        "SELECT count(*) AS number, min(pid) AS pid FROM pg_stat_activity"
        " WHERE xact_start < now() - make_interval(mins => %(minutes)s)"
        " AND backend_type = 'client backend'",
        {"minutes": LONG_TRANSACTION_MINUTES},
    )
    if row.number:
        return warn(
            f"{row.number} transactions are open for over {LONG_TRANSACTION_MINUTES} minutes",
            f"See pg_stat_activity; SELECT pg_terminate_backend({row.pid}) ends the first.",
        )
    return ok("none is open for long")


def _timeouts() -> Finding:
    """Look through the application's own pool: a pooler in between may drop what it asks for."""
    names = ("statement_timeout", "idle_in_transaction_session_timeout")
    asked = text("SELECT name, setting::int AS setting FROM pg_settings WHERE name = ANY(:names)")
    try:
        told = {row.name: row.setting for row in db.session.execute(asked, {"names": [*names]})}
    except (OperationalError, PoolTimeout):
        return skip("the database could not be asked through the application's pool")
    found = [told[name] for name in names]
    if missing := [name for name, value in zip(names, found, strict=True) if not value]:
        return fail(
            f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set on the "
            "application's connections",
            "Something in between drops them (PgBouncer: ignore_startup_parameters); "
            "set them on the role: ALTER ROLE ... SET statement_timeout = '5s'.",
        )
    return ok(f"statements {found[0] / 1000:g} s, idle transactions {found[1] / 1000:g} s")


def _replica() -> Finding:
    if not settings.database_replica_url:
        return skip("DATABASE_REPLICA_URL is not set: all is read from the primary")
    also = "Until then all is read from the primary, so nothing is lost but its help."
    try:
        with asking(settings.database_replica_url) as replica:
            (there,) = replica(
                "SELECT pg_is_in_recovery() AS is_one, pg_last_wal_replay_lsn()::text AS lsn,"
                " extract(epoch FROM now() - pg_last_xact_replay_timestamp())::float AS seconds"
            )
    except psycopg2.Error as error:
        reason, remedy = explain(error)
        return warn(f"{reason}", f"{remedy.replace('DATABASE_URL', 'DATABASE_REPLICA_URL')} {also}")
    if not there.is_one:
        return fail(
            "DATABASE_REPLICA_URL leads to a server that is no replica",
            "Name a streaming replica of DATABASE_URL's server there, or leave it empty.",
        )
    try:
        with asking(settings.database_url) as primary:
            (row,) = primary(
                "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), %(lsn)s::pg_lsn) AS behind",
                {"lsn": there.lsn},
            )
    except psycopg2.Error as error:
        return skip(f"the primary could not be asked: {explain(error)[0]}")
    seconds = there.seconds or 0.0
    if row.behind > MAX_LAG_BYTES or (row.behind > 0 and seconds > MAX_LAG_SECONDS):
        return warn(
            f"{row.behind / 1024**2:.0f} MB and {seconds:.0f} s behind the primary",
            f"See the replica's log and pg_stat_replication on the primary. {also}",
        )
    return ok(f"{row.behind / 1024:.0f} kB behind the primary")


ASKED = "DATABASE_URL's server"
CHECKS = (
    Check("database", _answers, ASKED),
    Check("database version", _version, ASKED),
    Check("migrations", _migrations, ASKED),
    Check("clock", _clock, ASKED),
    Check("collation", _collation, ASKED),
    Check("checksums", _checksums, ASKED),
    Check("vacuum", _vacuum, ASKED),
    Check("connections", _connections, ASKED),
    Check("transactions", _transactions, ASKED),
    Check("timeouts", _timeouts, ASKED),
    Check("replica", _replica, "DATABASE_REPLICA_URL's server"),
)
