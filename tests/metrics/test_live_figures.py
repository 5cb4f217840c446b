"""Figures that are looked up at a scrape: right, in bounded time, there while others are not."""

import uuid
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from prometheus_client import Metric
from sqlalchemy import text

from app.clock import utcnow
from app.config import Settings
from app.database import db
from app.domain.outbox.models import Mail
from app.web import live_figures
from app.web.live_figures import LiveFigures
from app.web.machine_figures import MachineFigures
from tests.support.server import free_port


def told(families: Iterable[Metric]) -> dict[str, dict[str, float]]:
    """Return each figure by its name and the first of its labels."""
    return {
        family.name: {next(iter(s.labels.values()), ""): s.value for s in family.samples}
        for family in families
    }


def settings_of(app: Flask, **changes: object) -> Settings:
    """Return the application's settings with some changed."""
    known: Settings = app.extensions["settings"]
    return known.model_copy(update=changes)


def queue_job(queue: str, waited: timedelta, scheduled: timedelta | None = None) -> None:
    """Put a job into the queue that came so long ago."""
    values = {
        "queue": queue,
        "lock": uuid.uuid4().hex,
        "at": utcnow() - waited,
        "scheduled": None if scheduled is None else utcnow() + scheduled,
    }
    insert = text(
        "INSERT INTO procrastinate_jobs (queue_name, task_name, lock, queueing_lock, scheduled_at)"
        " VALUES (:queue, 'mail.send', :lock, :lock, :scheduled) RETURNING id"
    )
    job = db.session.execute(insert, values).scalar_one()
    age = text("UPDATE procrastinate_events SET at = :at WHERE job_id = :job")
    db.session.execute(age, {"at": values["at"], "job": job})
    db.session.commit()


def test_the_queue_is_told_by_its_depth_and_its_age(committed_app: Flask) -> None:
    queue_job("mail", timedelta(minutes=10))
    queue_job("mail", timedelta(minutes=2))
    queue_job("mail", timedelta(minutes=30), scheduled=timedelta(hours=1))
    queue_job("default", timedelta(hours=2), scheduled=-timedelta(minutes=1))
    found = told(LiveFigures(settings_of(committed_app)).families())
    assert found["triple_jobs_due"] == {"mail": 2, "default": 1}
    assert 600 <= found["triple_job_oldest_seconds"]["mail"] < 900
    assert 60 <= found["triple_job_oldest_seconds"]["default"] < 360
    assert found["triple_workers"] == {"": 0}
    assert found["triple_database_up"] == {"": 1}


def test_mail_that_waits_is_told_and_what_went_is_not(committed_app: Flask) -> None:
    now = utcnow()
    waits = {"to_email": "a@example.com", "template": "reset", "context": {}}
    db.session.add(Mail(**waits, created_at=now - timedelta(minutes=5)))
    db.session.add(Mail(**waits, created_at=now - timedelta(hours=5), sent_at=now))
    db.session.add(Mail(**waits, created_at=now - timedelta(hours=6), failed_at=now))
    db.session.commit()
    found = told(LiveFigures(settings_of(committed_app)).families())
    assert found["triple_mails_waiting"] == {"": 1}
    assert 300 <= found["triple_mail_oldest_seconds"][""] < 600


def test_one_table_that_is_away_takes_nothing_else_along(committed_app: Flask) -> None:
    db.session.execute(text("ALTER TABLE mails RENAME TO elsewhere"))
    db.session.commit()
    found = told(LiveFigures(settings_of(committed_app)).families())
    assert "triple_mails_waiting" not in found
    assert found["triple_database_up"] == {"": 1}
    assert found["triple_active_leases"] == {"": 0}


def test_a_held_table_holds_no_scrape_up(committed_app: Flask) -> None:
    """The one that holds it waits for the scrape."""
    db.session.execute(text("LOCK TABLE mails"))
    found = told(LiveFigures(settings_of(committed_app)).families())
    db.session.rollback()
    assert "triple_mails_waiting" not in found
    assert found["triple_database_up"] == {"": 1}


def test_a_database_that_is_away_is_all_that_is_said_of_it(app: Flask) -> None:
    nowhere = f"postgresql://nobody@127.0.0.1:{free_port()}/none"
    figures = LiveFigures(settings_of(app, database_url=nowhere, database_replica_url=nowhere))
    assert told(figures.families()) == {
        "triple_database_up": {"": 0},
        "triple_replica_up": {"": 0},
    }


def test_a_replica_that_is_none_is_not_taken_for_one(committed_app: Flask) -> None:
    settings = settings_of(committed_app)
    again = settings_of(committed_app, database_replica_url=settings.database_url)
    assert told(LiveFigures(again).families())["triple_replica_up"] == {"": 0}


def test_many_who_look_ask_once(committed_app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_figures, "KEPT_SECONDS", 600.0)
    figures = LiveFigures(settings_of(committed_app))
    queue_job("mail", timedelta(minutes=1))
    first = told(figures.families())
    queue_job("mail", timedelta(minutes=1))
    assert told(figures.families()) == first


def test_disks_and_the_release_are_told(app: Flask, tmp_path: Path) -> None:
    settings = settings_of(app, data_dir=tmp_path, release="2026.11", public_base_url="http://a")
    found = told(MachineFigures(settings).families())
    assert found["triple_release"] == {"2026.11": 1}
    assert 0 < found["triple_disk_free_bytes"]["data"] <= found["triple_disk_size_bytes"]["data"]
    assert "triple_certificate_end_timestamp_seconds" not in found
    assert "triple_backup_timestamp_seconds" not in found


def test_a_backup_that_was_never_taken_is_told_as_never(app: Flask, tmp_path: Path) -> None:
    settings = settings_of(app, backup_url=f"file://{tmp_path}", public_base_url="http://a")
    found = told(MachineFigures(settings).families())
    assert found["triple_backup_timestamp_seconds"] == {"": 0}
