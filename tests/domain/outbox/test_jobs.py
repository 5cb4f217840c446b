"""Queueing jobs within the transaction of their cause."""

from sqlalchemy import text

from app.database import db
from app.domain.outbox import jobs


def test_a_job_that_waits_already_is_not_queued_again_and_breaks_nothing() -> None:
    queued = [jobs.enqueue("test.task", queueing_lock="one", number=n) for n in range(3)]
    assert queued == [True, False, False]
    count = db.session.scalar(text("SELECT count(*) FROM procrastinate_jobs"))
    assert count == 1


def test_jobs_without_a_lock_are_all_queued() -> None:
    assert [jobs.enqueue("test.task", number=n) for n in range(2)] == [True, True]
