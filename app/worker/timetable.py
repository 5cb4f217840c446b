"""What is done by the clock, and when: all that the scheduler knows of the jobs.

It knows them by name, so that a process which only puts them into the queue need not load them.
"""

from dataclasses import dataclass

from procrastinate import App, PsycopgConnector

from app.config import Settings

DEFAULT_QUEUE = "default"
BACKUP_QUEUE = "backups"


@dataclass(frozen=True, slots=True)
class Due:
    """A task without arguments but the time, when it falls due (UTC), and the queue it waits in."""

    task: str
    cron: str
    queue: str = DEFAULT_QUEUE


TIMETABLE = (
    Due("jobs.retry_stalled", "* * * * * */15"),
    Due("payments.check_open", "* * * * * */15"),
    Due("accounts.delete_due", "7 * * * *"),
    Due("uploads.sweep", "11 * * * *"),
    Due("videos.sweep", "17 * * * *"),
    Due("audit.say_head", "29 * * * *"),
    Due("payments.reconcile", "33 * * * *"),
    Due("accounts.sweep_exports", "37 * * * *"),
    Due("courses.sweep_transfers", "47 * * * *"),
    Due("backups.media", "53 * * * *", BACKUP_QUEUE),
    Due("backups.take", "12 1 * * *", BACKUP_QUEUE),
    Due("storage.sweep", "3 2 * * *"),
    Due("jobs.forget_old", "41 3 * * *"),
    Due("accounts.forget_old", "51 3 * * *"),
    Due("mail.forget_old", "23 4 * * *"),
)


def connected(settings: Settings) -> App:
    """Return a queue without tasks on the application's database, by psycopg 3."""
    conninfo = settings.database_url.replace("postgresql+psycopg2://", "postgresql://", 1)
    return App(connector=PsycopgConnector(conninfo=conninfo, min_size=1, max_size=8))


def name_tasks(queue: App) -> None:
    """Give `queue` the timetable's tasks by name alone, for a process that runs none of them."""
    for due in TIMETABLE:
        queue.task(name=due.task)(_queued)


def apply(queue: App) -> None:
    """Have each task of the timetable fall due in `queue`; at most one of each waits there."""
    for due in TIMETABLE:
        falls_due = queue.periodic(cron=due.cron, queue=due.queue, queueing_lock=due.task)
        falls_due(queue.tasks[due.task])


def _queued(timestamp: int) -> None:
    raise NotImplementedError(f"what fell due at {timestamp} is for workers")
