"""Background work: whether somebody does it, what waits for too long, what went wrong."""

from datetime import UTC, datetime, timedelta

from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.cli.checks.asking import Asker, of_database
from app.cli.checks.findings import Check, Finding, fail, ok, skip, warn
from app.clock import utcnow
from app.domain.outbox import mail
from app.domain.videos.ingest import MEDIA_QUEUE

HEARTBEAT_SECONDS = 60
PERIODIC_SECONDS = 60  # some of the periodic tasks are due every quarter of a minute
WARN_WAIT, FAIL_WAIT = timedelta(minutes=5), timedelta(hours=1)
MEDIA_WAIT = timedelta(hours=6)  # one video at a time
MAIL_WAIT = timedelta(minutes=20)
START_WORKER = "supervisorctl start worker; why it ended is in worker.log in LOG_DIR."

_WORKERS = """
SELECT count(*) AS number,
    extract(epoch FROM clock_timestamp() - max(last_heartbeat))::float AS seconds
FROM procrastinate_workers
"""
_DEFERRED = "SELECT max(defer_timestamp) AS latest FROM procrastinate_periodic_defers"
_WAITING = """
SELECT queue_name AS queue, count(*) AS number,
    min(greatest(e.at, coalesce(j.scheduled_at, e.at))) AS since
FROM procrastinate_jobs j
JOIN LATERAL (SELECT min(at) AS at FROM procrastinate_events WHERE job_id = j.id) e ON true
WHERE j.status = 'todo' AND coalesce(j.scheduled_at, '-infinity') <= now()
GROUP BY queue_name ORDER BY since
"""
_FAILED = """
SELECT count(*) AS number, string_agg(DISTINCT task_name, ', ') AS names
FROM procrastinate_jobs j
WHERE status = 'failed' AND EXISTS (
    SELECT FROM procrastinate_events e
    WHERE e.job_id = j.id AND e.at > now() - interval '1 day')
"""


def _worker_answers(ask: Asker) -> tuple[int, float | None]:
    (row,) = ask(_WORKERS)
    return row.number, row.seconds


@of_database
def _worker(ask: Asker) -> Finding:
    number, seconds = _worker_answers(ask)
    if not number or seconds is None:
        return fail("no worker runs: no video, mail or export is made", START_WORKER)
    if seconds > HEARTBEAT_SECONDS:
        return fail(f"the last sign of a worker is {seconds:.0f} s old", START_WORKER)
    return ok(f"a sign of life {seconds:.0f} s ago")


@of_database
def _scheduler(ask: Asker) -> Finding:
    (row,) = ask(_DEFERRED)
    since = (utcnow() - datetime.fromtimestamp(row.latest or 0, UTC)).total_seconds()
    if since <= PERIODIC_SECONDS:
        return ok(f"deferred a periodic job {since:.0f} s ago")
    _, seconds = _worker_answers(ask)
    if seconds is None or seconds > HEARTBEAT_SECONDS:
        # What is due already waits, so nothing is added, scheduler or not.
        return skip("cannot be told while no worker takes its jobs")
    said = "never" if row.latest is None else f"{since:.0f} s ago"
    return fail(
        f"periodic jobs were last deferred {said}: nothing is swept, reconciled or backed up",
        "supervisorctl start scheduler; why it ended is in scheduler.log in LOG_DIR.",
    )


@of_database
def _waiting(ask: Asker) -> list[Finding]:
    found = []
    for row in ask(_WAITING):
        waits = utcnow() - row.since
        said = f"{row.number} jobs of the queue {row.queue} wait, one for {_spoken(waits)}"
        remedy = (
            "Is the worker alive, and not at one job for ever? See worker.log; more of them: "
            "WORKER_PROCESSES."
        )
        if row.queue == MEDIA_QUEUE:
            if waits > MEDIA_WAIT:
                found.append(warn(said, "Videos come one after another; add a worker host."))
        elif waits > FAIL_WAIT:
            found.append(fail(said, remedy))
        elif waits > WARN_WAIT:
            found.append(warn(said, remedy))
    return found or [ok("no job waits for long")]


def _spoken(waits: timedelta) -> str:
    minutes = int(waits.total_seconds() // 60)
    return f"{minutes} minutes" if minutes < 120 else f"{minutes // 60} hours"


@of_database
def _failed(ask: Asker) -> Finding:
    (row,) = ask(_FAILED)
    if row.number:
        return warn(
            f"{row.number} jobs failed for good within a day: {row.names}",
            "Why is in worker.log (grep for the task's name); videos can be tried again in the "
            "admin.",
        )
    return ok("none within a day")


def _mails() -> list[Finding]:
    try:
        standing = mail.standing()
    except (OperationalError, PoolTimeout):
        return [skip("the database could not be asked")]
    found = []
    if standing.waiting_since and utcnow() - standing.waiting_since > MAIL_WAIT:
        found.append(
            warn(
                f"{standing.waiting} mails wait, one for "
                f"{_spoken(utcnow() - standing.waiting_since)}: {standing.last_error or 'unsent'}",
                "flask mail status says more; once its cause is mended they go by themselves.",
            )
        )
    if standing.given_up:
        found.append(
            warn(
                f"{standing.given_up} mails were given up within a day: {standing.last_error}",
                "Mend what sends mail (flask mail status); who waited has to ask anew.",
            )
        )
    return found or [ok(f"{standing.sent} sent within a day, {standing.waiting} waiting")]


ASKED = "DATABASE_URL's server"
CHECKS = (
    Check("worker", _worker, ASKED),
    Check("scheduler", _scheduler, ASKED),
    Check("waiting jobs", _waiting, ASKED),
    Check("failed jobs", _failed, ASKED),
    Check("mails", _mails, ASKED),
)
