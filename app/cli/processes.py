"""`flask worker` and `flask scheduler`: the processes that go on until they are told to stop."""

import click

from app import metrics
from app.current import settings


@click.command("worker")
@click.option("--concurrency", default=2, show_default=True, help="Jobs at a time.")
@click.option("--with-scheduler", is_flag=True, help="Do the scheduler's work as well.")
def worker_verb(concurrency: int, with_scheduler: bool) -> None:
    """Run background jobs until told to stop."""
    from app.worker.runner import run_worker  # noqa: PLC0415 - the scheduler knows no jobs

    _count_as("worker")
    run_worker(concurrency, with_scheduler=with_scheduler)


@click.command("scheduler")
def scheduler_verb() -> None:
    """Queue what is done by the clock, until told to stop; two of these queue it once."""
    from app.worker.scheduler import run_scheduler  # noqa: PLC0415 - nor workers the scheduler

    _count_as("scheduler")
    run_scheduler(settings)


def _count_as(role: str) -> None:
    if settings.run_dir is not None:
        metrics.share(settings.run_dir / "metrics", role)
