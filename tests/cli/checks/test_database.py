"""The doctor and the database: it answers, is whole, of this release, and has room."""

from datetime import timedelta
from typing import Any

import psycopg2
import pytest
from sqlalchemy import text

from app.cli.checks import database as checks
from app.cli.checks.asking import explain
from app.cli.checks.findings import State
from app.clock import shifted
from app.database import db
from tests.cli.checks.conftest import Doctor
from tests.support.postgres import Server
from tests.support.server import free_port

HEALTHY = (
    "database", "database version", "migrations", "clock", "collation", "vacuum", "connections",
    "transactions",
)  # fmt: skip
OTHERS = ("database version", "clock", "collation", "checksums", "vacuum", "connections")


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_database_is_well(doctor: Doctor, name: str) -> None:
    doctor.one(name, State.OK)


def test_a_database_that_is_away_is_said_once_with_how_to_start_it(doctor: Doctor) -> None:
    doctor.change(database_url=f"postgresql+psycopg2://u:sesame9@127.0.0.1:{free_port()}/app")
    found = doctor.one("database", State.FAIL)
    assert "nothing listens there" in found.detail
    assert "supervisorctl start postgres" in found.remedy
    assert "sesame9" not in found.detail + found.remedy
    for name in (*OTHERS, "worker", "scheduler", "waiting jobs", "grants", "role", "migrations"):
        doctor.one(name, State.SKIP)


@pytest.mark.parametrize(
    ("said", "reason", "remedy"),
    [
        ('FATAL:  password authentication failed for user "app"', "password", "ALTER ROLE"),
        ('FATAL:  role "nobody" does not exist', "no such database or role", "Create"),
        ("FATAL:  sorry, too many clients already", "connections are taken", "max_connections"),
        ('could not translate host name "db" to address', "no such host", "name service"),
        ("connection to server: timeout expired", "does not answer in time", "firewall"),
        ("FATAL:  the database system is starting up", "starting", "Wait"),
        ("FATAL:  no pg_hba.conf entry for host", "nobody in from here", "pg_hba.conf"),
        ('invalid dsn: missing "=" after "secret"', "address is not one", "%40"),
    ],
    ids=lambda words: words[:24],
)
def test_each_reason_has_its_remedy(said: str, reason: str, remedy: str) -> None:
    told = explain(psycopg2.OperationalError(said))
    assert reason in told[0]
    assert remedy in told[1]


def test_a_database_that_does_not_exist_is_named_so(doctor: Doctor) -> None:
    doctor.change(database_url=doctor.settings.database_url.replace("/tests_", "/other_"))
    assert "no such database" in doctor.one("database", State.FAIL).detail


@pytest.mark.parametrize(
    ("statement", "state", "said"),
    [
        ("DROP TABLE alembic_version", State.FAIL, "empty"),
        ("UPDATE alembic_version SET version_num = '0001'", State.FAIL, "behind this code"),
        ("UPDATE alembic_version SET version_num = '9999'", State.WARN, "later release"),
    ],
    ids=["empty", "behind", "ahead"],
)
def test_a_database_of_another_release_is_told(
    doctor: Doctor, database: str, postgres: Server, statement: str, state: State, said: str
) -> None:
    postgres.execute(statement, database)
    found = doctor.one("migrations", state)
    assert said in found.detail
    assert state is State.WARN or "flask db upgrade" in found.remedy


@pytest.mark.parametrize(("seconds", "state"), [(-60, State.FAIL), (5, State.WARN)])
def test_a_clock_that_is_wrong_is_told(doctor: Doctor, seconds: int, state: State) -> None:
    with shifted(timedelta(seconds=seconds)):
        found = doctor.one("clock", state)
    assert f"{abs(seconds)} s apart" in found.detail
    assert "chrony" in found.remedy


def _answering(**values: Any) -> Any:
    """Return a check's `ask` that answers one row."""
    row = type("Row", (), values)()
    return lambda _query, _values=None: [row]


@pytest.mark.parametrize(
    ("look", "row", "state", "said", "remedy"),
    [
        (checks._version, {"number": 140009, "name": "PostgreSQL 14.9 on x"}, State.FAIL,
         "14.9 is too old", "pg_upgrade"),
        (checks._version, {"number": 190000, "name": "PostgreSQL 19.0 on x"}, State.WARN,
         "newer", "Tested"),
        (checks._collation, {"encoding": "SQL_ASCII", "noted": None, "actual": None}, State.FAIL,
         "SQL_ASCII", "Restore"),
        (checks._collation, {"encoding": "UTF8", "noted": "2.31", "actual": "2.36"}, State.FAIL,
         "from 2.31 to 2.36", "REINDEX"),
        (checks._checksums, {"are": "on", "f": "off"}, State.FAIL, "fsync", "fsync = on"),
        (checks._checksums, {"are": "off", "f": "on"}, State.WARN, "checksums", "pg_checksums"),
        (checks._checksums, {"are": "on", "f": "on"}, State.OK, "on", ""),
        (checks._vacuum, {"is_on": "off", "age": 1, "bloated": None}, State.FAIL,
         "autovacuum is off", "autovacuum = on"),
        (checks._vacuum, {"is_on": "on", "age": 1_500_000_000, "bloated": None}, State.FAIL,
         "1,500,000,000", "--freeze"),
        (checks._vacuum, {"is_on": "on", "age": 1, "bloated": "mails"}, State.WARN, "mails",
         "VACUUM"),
        (checks._connections, {"limit": 97, "used": 95}, State.FAIL, "95 of 97",
         "max_connections"),
        (checks._connections, {"limit": 20, "used": 3}, State.WARN, "has 20", "WEB_WORKERS"),
        (checks._transactions, {"number": 2, "pid": 77}, State.WARN, "2 transactions",
         "pg_terminate_backend(77)"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)  # fmt: skip
def test_what_is_wrong_with_a_server_is_told(
    doctor: Doctor, look: Any, row: dict[str, Any], state: State, said: str, remedy: str
) -> None:
    """The server of the tests is well; these rows are what an ill one would answer."""
    found = look.__wrapped__(_answering(**row))
    found = found[0] if isinstance(found, list) else found
    assert found.state is state
    assert said in found.detail
    assert remedy in found.remedy


def test_connections_without_timeouts_are_told(doctor: Doctor) -> None:
    db.session.execute(text("SET LOCAL idle_in_transaction_session_timeout = '10s'"))
    assert "statements 5 s" in doctor.one("timeouts", State.OK).detail
    db.session.execute(text("SET LOCAL statement_timeout = 0"))
    found = doctor.one("timeouts", State.FAIL)
    assert "statement_timeout" in found.detail
    assert "ALTER ROLE" in found.remedy


def test_a_replica_that_is_none_or_is_away_is_told(doctor: Doctor) -> None:
    assert "not set" in doctor.one("replica", State.SKIP).detail
    doctor.change(database_replica_url=doctor.settings.database_url)
    assert "no replica" in doctor.one("replica", State.FAIL).detail
    doctor.change(database_replica_url=f"postgresql+psycopg2://u@127.0.0.1:{free_port()}/app")
    away = doctor.one("replica", State.WARN)
    assert "from the primary" in away.remedy
    assert "DATABASE_REPLICA_URL" in away.remedy
