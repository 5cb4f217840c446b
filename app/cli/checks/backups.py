"""Backups: that there are any, that they are fresh, and that PostgreSQL gets its changes away."""

from datetime import datetime, timedelta

from app.backups.state import read_state
from app.backups.trouble import BackupError
from app.cli.checks.asking import Asker, of_database
from app.cli.checks.findings import Check, Finding, fail, ok, skip, warn
from app.clock import utcnow
from app.config import ConfigurationError
from app.current import settings
from app.errors import DomainError

WARN_AGE, FAIL_AGE = timedelta(hours=30), timedelta(hours=80)
CHANGES_AGE = timedelta(minutes=15)
TAKE = "flask backup takes one now; why the nightly one did not is in worker.log in LOG_DIR."
KEPT_WAL_BYTES = 5 * 1024**3

_ARCHIVER = """
SELECT current_setting('archive_mode') AS mode, failed_count AS failures,
    last_archived_time AS done, last_failed_time AS failed, last_failed_wal AS segment
FROM pg_stat_archiver
"""
_SLOTS = """
SELECT string_agg(slot_name, ', ') AS names, max(pg_wal_lsn_diff(
    CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END,
    restart_lsn)) AS kept
FROM pg_replication_slots WHERE NOT active
"""


def _age(moment: datetime | None) -> timedelta | None:
    return None if moment is None else utcnow() - moment


def _spoken(age: timedelta) -> str:
    hours = int(age.total_seconds() // 3600)
    return f"{hours} hours" if hours else f"{int(age.total_seconds() // 60)} minutes"


def _backups() -> list[Finding]:
    if not settings.backup_url:
        if not settings.is_production:
            return [skip(f"none are taken in {settings.app_env.value}")]
        return [
            warn(
                "BACKUP_URL is not set: with this disk everything is lost",
                "Set BACKUP_URL to a folder of another disk or a bucket, and BACKUP_RECIPIENT.",
            )
        ]
    if not settings.backup_recipient:
        return [
            fail("BACKUP_RECIPIENT is not set", "Set it to the public half (age1...) of a key.")
        ]
    try:
        state = read_state(settings)
    except (BackupError, ConfigurationError, DomainError) as error:
        said = error.detail if isinstance(error, DomainError) else str(error)
        return [fail(said, "BACKUP_URL must lead to a folder or bucket this user may read.")]
    except OSError as error:
        return [fail(f"BACKUP_URL: {error.strerror}", "Mount its disk, or put BACKUP_URL right.")]
    if state is None or state.base_at is None:
        return [fail("there is no backup yet", TAKE)]
    return _judged(state.base_at, _age(state.changes_at))


def _judged(base_at: datetime, changes_age: timedelta | None) -> list[Finding]:
    age = utcnow() - base_at
    if age > FAIL_AGE:
        return [fail(f"the newest backup is {_spoken(age)} old", TAKE)]
    if age > WARN_AGE:
        return [warn(f"the newest backup is {_spoken(age)} old", TAKE)]
    if changes_age is not None and changes_age > CHANGES_AGE and age > CHANGES_AGE:
        return [
            warn(
                f"what changed in the last {_spoken(changes_age)} is in no backup, "
                "unless nothing did",
                "See the check wal archive, and archive_timeout of PostgreSQL (60 s).",
            )
        ]
    return [ok(f"the newest is {_spoken(age)} old")]


@of_database
def _archiver(ask: Asker) -> Finding:
    (row,) = ask(_ARCHIVER)
    if row.mode == "off":
        if settings.backup_url and settings.is_production:
            return warn(
                "PostgreSQL's changes are not archived: a backup restores its own moment only",
                "./setup.sh production switches archive_mode on for the local PostgreSQL.",
            )
        return skip("archive_mode is off")
    if row.failed and (row.done is None or row.failed > row.done):
        return fail(
            f"PostgreSQL cannot archive {row.segment} ({row.failures} failures); it keeps all that "
            "follows until it can, and its disk fills up",
            "Why is in postgres.log; mostly BACKUP_URL's disk is full or away.",
        )
    return ok("archived" if row.done else "nothing to archive yet")


@of_database
def _slots(ask: Asker) -> Finding:
    (row,) = ask(_SLOTS)
    if row.kept is not None and row.kept > KEPT_WAL_BYTES:
        return fail(
            f"{row.kept / 1024**3:.0f} GB of changes are kept for a replica that is away "
            f"({row.names}); the disk fills up",
            "Start the replica, or SELECT pg_drop_replication_slot('name') and build it anew.",
        )
    return ok("no changes are kept for anybody who is away")


ASKED = "DATABASE_URL's server"
CHECKS = (
    Check("backups", _backups, "what BACKUP_URL leads to", is_slow=True),
    Check("wal archive", _archiver, ASKED),
    Check("replication slots", _slots, ASKED),
)
