"""The doctor and background work: who does it, what waits for too long, what failed."""

from datetime import timedelta

import pytest

from app.cli.checks.findings import State
from app.clock import utcnow
from app.database import db
from app.domain.outbox import mail
from tests.cli.checks.conftest import Doctor
from tests.support.postgres import Server

ALIVE = "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '{0} s')"
DEFERRED = (
    "INSERT INTO procrastinate_periodic_defers (task_name, defer_timestamp)"
    " VALUES ('jobs.retry_stalled', extract(epoch FROM now())::bigint - {0})"
)
JOB = (
    "WITH job AS (INSERT INTO procrastinate_jobs (queue_name, task_name, status, scheduled_at)"
    " VALUES ('{queue}', 'mail.send', '{status}', now() - interval '{minutes} minutes')"
    " RETURNING id) INSERT INTO procrastinate_events (job_id, type, at)"
    " SELECT id, 'deferred', now() - interval '{minutes} minutes' FROM job"
)


def test_a_worker_that_shows_signs_of_life_is_well(
    doctor: Doctor, database: str, postgres: Server
) -> None:
    postgres.execute(ALIVE.format(3), database)
    assert "3 s ago" in doctor.one("worker", State.OK).detail


@pytest.mark.parametrize(
    ("seconds", "said"), [(None, "no worker runs"), (300, "300 s old")], ids=["none", "silent"]
)
def test_a_worker_that_is_gone_is_told(
    doctor: Doctor, database: str, postgres: Server, seconds: int | None, said: str
) -> None:
    if seconds:
        postgres.execute(ALIVE.format(seconds), database)
    found = doctor.one("worker", State.FAIL)
    assert said in found.detail
    assert "supervisorctl start worker" in found.remedy


def test_a_scheduler_that_defers_is_well(doctor: Doctor, database: str, postgres: Server) -> None:
    postgres.execute(DEFERRED.format(10), database)
    assert "s ago" in doctor.one("scheduler", State.OK).detail


def test_a_scheduler_that_is_gone_is_told_apart_from_a_worker_that_is(
    doctor: Doctor, database: str, postgres: Server
) -> None:
    assert "while no worker" in doctor.one("scheduler", State.SKIP).detail
    postgres.execute(ALIVE.format(1), database)
    assert "never" in doctor.one("scheduler", State.FAIL).detail
    postgres.execute(DEFERRED.format(500), database)
    found = doctor.one("scheduler", State.FAIL)
    assert "500 s ago" in found.detail
    assert "supervisorctl start scheduler" in found.remedy


@pytest.mark.parametrize(
    ("queue", "minutes", "state"),
    [
        ("default", 1, State.OK),
        ("default", 10, State.WARN),
        ("mail", 90, State.FAIL),
        ("media", 90, State.OK),
        ("media", 500, State.WARN),
    ],
)
def test_jobs_that_wait_for_too_long_are_told(
    doctor: Doctor, database: str, postgres: Server, queue: str, minutes: int, state: State
) -> None:
    postgres.execute(JOB.format(queue=queue, status="todo", minutes=minutes), database)
    found = doctor.one("waiting jobs", state)
    assert state is State.OK or f"queue {queue}" in found.detail


def test_a_job_that_is_not_due_does_not_wait(
    doctor: Doctor, database: str, postgres: Server
) -> None:
    postgres.execute(JOB.format(queue="mail", status="todo", minutes=-90), database)
    doctor.one("waiting jobs", State.OK)


def test_jobs_that_failed_for_good_are_named(
    doctor: Doctor, database: str, postgres: Server
) -> None:
    doctor.one("failed jobs", State.OK)
    postgres.execute(JOB.format(queue="mail", status="failed", minutes=5), database)
    found = doctor.one("failed jobs", State.WARN)
    assert "1 jobs failed" in found.detail
    assert "mail.send" in found.detail


def test_mail_that_is_stuck_is_told_with_its_error(doctor: Doctor) -> None:
    assert doctor.one("mails", State.OK)
    stuck = mail.write("lea@example.org", "test", name="")
    stuck.created_at = utcnow() - timedelta(hours=3)
    stuck.last_error = "The mail server answered 451."
    db.session.flush()
    found = doctor.one("mails", State.WARN)
    assert "answered 451" in found.detail
    assert "flask mail status" in found.remedy
    mail.give_up(stuck, "The mail server answered 550.")
    db.session.flush()
    assert "1 mails were given up" in doctor.one("mails", State.WARN).detail
