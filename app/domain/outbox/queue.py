"""The queue as people look at it: its jobs, its workers, trying a job again and calling it off.

The tables are the queue's own and mapped by nobody. What succeeded is not in them any more.
"""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from app.database import db
from app.errors import NotFound

MAX_ID = 2**63 - 1
_COLUMNS = """
    j.id, j.queue_name AS queue, j.task_name AS task, j.status::text AS status, j.attempts,
    CASE WHEN j.status = 'todo' AND j.scheduled_at > now() THEN j.scheduled_at END AS due_at,
    (SELECT min(at) FROM procrastinate_events WHERE job_id = j.id AND type = 'deferred') AS made_at,
    (SELECT max(at) FROM procrastinate_events WHERE job_id = j.id AND type <> 'scheduled')
        AS changed_at,
    e.kind AS error_kind, e.message AS error_message, e.raised_at AS error_at, j.args
FROM procrastinate_jobs j
LEFT JOIN procrastinate_job_errors e ON e.job_id = j.id
"""
_LIST = text(f"""
SELECT {_COLUMNS}
WHERE (CAST(:before AS bigint) IS NULL OR j.id < :before)
    AND (CAST(:status AS text) IS NULL OR j.status = CAST(:status AS procrastinate_job_status))
    AND (CAST(:queue AS text) IS NULL OR j.queue_name = :queue)
    AND (CAST(:task AS text) IS NULL OR j.task_name = :task)
ORDER BY j.id DESC LIMIT :limit
""")
_ONE = text(f"SELECT {_COLUMNS} WHERE j.id = :id")
_EVENTS = text("""
SELECT type::text AS type, at FROM procrastinate_events WHERE job_id = :id
ORDER BY id DESC LIMIT 100
""")
_TASKS = text("SELECT DISTINCT task_name FROM procrastinate_jobs ORDER BY 1 LIMIT 200")
_QUEUES = text("""
SELECT queue_name AS queue,
    count(*) FILTER (WHERE status = 'todo' AND (scheduled_at IS NULL OR scheduled_at <= now()))
        AS waiting,
    count(*) FILTER (WHERE status = 'todo' AND scheduled_at > now()) AS later,
    count(*) FILTER (WHERE status = 'doing') AS doing,
    count(*) FILTER (WHERE status = 'failed') AS failed,
    (SELECT min(greatest(e.at, o.scheduled_at)) FROM (
        SELECT id, scheduled_at FROM procrastinate_jobs w
        WHERE w.queue_name = j.queue_name AND w.status = 'todo'
            AND (w.scheduled_at IS NULL OR w.scheduled_at <= now())
        ORDER BY priority DESC, id LIMIT 100) o
     JOIN procrastinate_events e ON e.job_id = o.id AND e.type = 'deferred') AS waiting_since
FROM procrastinate_jobs j GROUP BY queue_name ORDER BY queue_name
""")
_WORKERS = text("""
SELECT w.id, w.last_heartbeat AS seen_at,
    extract(epoch FROM clock_timestamp() - w.last_heartbeat)::float AS seen_seconds_ago,
    p.host, p.pid, p.queue, p.concurrency, p.release, p.started_at,
    coalesce((SELECT array_agg(j.id || ' ' || j.task_name ORDER BY j.id)
        FROM procrastinate_jobs j WHERE j.worker_id = w.id AND j.status = 'doing'), '{}') AS jobs
FROM procrastinate_workers w
LEFT JOIN procrastinate_worker_places p ON p.worker_id = w.id
ORDER BY p.host, p.pid, p.queue, w.id LIMIT 500
""")
_CLOCK = text("""
SELECT to_timestamp(max(defer_timestamp)) AS deferred_at,
    extract(epoch FROM clock_timestamp())::float - max(defer_timestamp) AS seconds
FROM procrastinate_periodic_defers
""")
_AGAIN = text("""
UPDATE procrastinate_jobs
SET status = 'todo', attempts = 0, scheduled_at = now(), abort_requested = false, worker_id = NULL
WHERE id = :id AND (status IN ('failed', 'cancelled', 'aborted')
    OR status = 'todo' AND scheduled_at > now())
RETURNING id
""")
_CANCEL = text("""
UPDATE procrastinate_jobs SET status = 'cancelled' WHERE id = :id AND status = 'todo' RETURNING id
""")


class JobStatus(enum.StrEnum):
    """How a job stands; the words are the queue's."""

    WAITING = "todo"
    RUNNING = "doing"
    FAILED = "failed"
    CANCELLED = "cancelled"
    ABORTED = "aborted"


class Outcome(enum.StrEnum):
    """What came of trying a job again, or of calling it off."""

    DONE = "done"
    NOT_NEEDED = "not_needed"  # it is where it should be, or somebody was quicker
    ANOTHER_WAITS = "another_waits"  # of the kind that only one may wait of


@dataclass(frozen=True, slots=True)
class Job:
    """A job; `due_at` is set while its time has not come, the error is of its last run."""

    id: int
    queue: str
    task: str
    status: str
    attempts: int
    due_at: datetime | None
    made_at: datetime | None
    changed_at: datetime | None
    error_kind: str | None
    error_message: str | None
    error_at: datetime | None
    args: dict[str, Any]

    @property
    def may_run_again(self) -> bool:
        """Whether somebody may have it run now that would not by itself."""
        return self.status in ("failed", "cancelled", "aborted") or self.due_at is not None

    @property
    def may_be_cancelled(self) -> bool:
        """Whether it waits."""
        return self.status == JobStatus.WAITING


@dataclass(frozen=True, slots=True)
class JobEvent:
    """Something that happened to a job, in the queue's word."""

    type: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Queue:
    """How many jobs of a queue stand where; `waiting_since` is of the oldest that could run."""

    queue: str
    waiting: int
    later: int
    doing: int
    failed: int
    waiting_since: datetime | None


@dataclass(frozen=True, slots=True)
class Worker:
    """Who takes jobs of one queue; where it runs is unknown of an earlier release's."""

    id: int
    seen_at: datetime
    seen_seconds_ago: float
    host: str | None
    pid: int | None
    queue: str | None
    concurrency: int | None
    release: str | None
    started_at: datetime | None
    jobs: Sequence[str]


@dataclass(frozen=True, slots=True)
class Scheduler:
    """When a periodic task was last put into the queue."""

    deferred_at: datetime | None
    seconds: float | None


def list_jobs(
    before: int | None,
    limit: int,
    status: JobStatus | None = None,
    queue: str | None = None,
    task: str | None = None,
) -> list[Job]:
    """Return jobs, newest first, those behind number `before`."""
    if before is not None:
        before = min(before, MAX_ID)
    asked = {"before": before, "limit": limit, "status": status, "queue": queue, "task": task}
    return [Job(**row) for row in db.session.execute(_LIST, asked).mappings()]


def get_job(job_id: int) -> Job:
    """Return a job. Raises NotFound."""
    row = db.session.execute(_ONE, {"id": job_id}).mappings().first()
    if row is None:
        raise NotFound
    return Job(**row)


def list_events(job_id: int) -> list[JobEvent]:
    """Return the last things that happened to a job, in their order."""
    rows = db.session.execute(_EVENTS, {"id": job_id}).mappings().all()
    return [JobEvent(**row) for row in reversed(rows)]


def list_tasks() -> list[str]:
    """Return the names of the tasks that have a job."""
    return list(db.session.scalars(_TASKS))


def list_queues() -> list[Queue]:
    """Return how each queue stands that has a job."""
    return [Queue(**row) for row in db.session.execute(_QUEUES).mappings()]


def list_workers() -> list[Worker]:
    """Return who gave a sign of life and did not say good-bye."""
    return [Worker(**row) for row in db.session.execute(_WORKERS).mappings()]


def scheduler() -> Scheduler:
    """Return when the clock last put something into the queue."""
    return Scheduler(**db.session.execute(_CLOCK).mappings().one())


def run_again(job_id: int) -> Outcome:
    """Have a job run now that failed, was called off or waits for its time; it counts anew.

    Two who try at once: one of the conditional updates finds nothing left to do. Raises NotFound.
    """
    get_job(job_id)
    try:
        with db.session.begin_nested():
            found = db.session.scalar(_AGAIN, {"id": job_id})
    except IntegrityError:  # the unique index over waiting jobs of one queueing lock
        return Outcome.ANOTHER_WAITS
    return Outcome.NOT_NEEDED if found is None else Outcome.DONE


def cancel(job_id: int) -> Outcome:
    """Call a waiting job off; one that runs or has ended is left alone. Raises NotFound."""
    get_job(job_id)
    found = db.session.scalar(_CANCEL, {"id": job_id})
    return Outcome.NOT_NEEDED if found is None else Outcome.DONE
