"""The doctor and backups: that there are some, that they are fresh, and that changes get away."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from app.backups.state import State as Backups
from app.cli.checks import backups
from app.cli.checks.findings import State
from app.clock import utcnow
from tests.cli.checks.conftest import Doctor

RECIPIENT = ("age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p",)


def _set(doctor: Doctor, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    doctor.enter_production(backup_url=f"file://{folder}", backup_recipient=RECIPIENT)


def test_a_production_without_backups_is_told(doctor: Doctor) -> None:
    doctor.one("backups", State.SKIP)
    doctor.enter_production()
    assert "BACKUP_URL" in doctor.one("backups", State.WARN).remedy


def test_backups_that_were_never_taken_are_told(doctor: Doctor, tmp_path: Path) -> None:
    _set(doctor, tmp_path / "backups")
    assert "flask backup" in doctor.one("backups", State.FAIL).remedy
    doctor.change(backup_recipient=())
    assert "BACKUP_RECIPIENT" in doctor.one("backups", State.FAIL).detail


@pytest.mark.parametrize(
    ("hours", "changes", "state", "said"),
    [
        (5, 1 / 60, State.OK, "5 hours old"),
        (5, None, State.OK, "5 hours old"),
        (40, None, State.WARN, "40 hours old"),
        (100, 1 / 60, State.FAIL, "100 hours old"),
        (5, 2, State.WARN, "last 2 hours"),
    ],
    ids=["fresh", "no changes", "late", "stopped", "stuck"],
)
def test_the_age_of_the_newest_backup_is_judged(
    doctor: Doctor,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    hours: int,
    changes: float | None,
    state: State,
    said: str,
) -> None:
    _set(doctor, tmp_path / "backups")
    changes_at = None if changes is None else utcnow() - timedelta(hours=changes)
    taken = Backups(utcnow() - timedelta(hours=hours), None, changes_at)
    monkeypatch.setattr(backups, "read_state", lambda _: taken)
    assert said in doctor.one("backups", state).detail


def _answering(**values: Any) -> Any:
    row = type("Row", (), values)()
    return lambda _query, _values=None: [row]


def _archiver(**changes: Any) -> Any:
    now = utcnow()
    values = {"mode": "on", "failures": 0, "done": now, "failed": None, "segment": None}
    return backups._archiver.__wrapped__(_answering(**{**values, **changes}))


def test_an_archiver_at_work_is_well(doctor: Doctor) -> None:
    doctor.one("wal archive", State.SKIP)
    assert _archiver().state is State.OK
    mended = _archiver(failed=utcnow() - timedelta(hours=1), failures=3)
    assert mended.state is State.OK, "what failed once went away since"


def test_an_archiver_that_fails_is_told_before_the_disk_is_full(doctor: Doctor) -> None:
    stuck = _archiver(
        done=utcnow() - timedelta(hours=1), failed=utcnow(), failures=9, segment="0001"
    )
    assert stuck.state is State.FAIL
    assert "cannot archive 0001 (9 failures)" in stuck.detail
    assert "postgres.log" in stuck.remedy


def test_backups_without_archived_changes_are_a_warning(doctor: Doctor, tmp_path: Path) -> None:
    _set(doctor, tmp_path / "backups")
    assert "archive_mode" in doctor.one("wal archive", State.WARN).remedy


def test_changes_kept_for_a_replica_that_is_gone_are_told(doctor: Doctor) -> None:
    doctor.one("replication slots", State.OK)
    found = backups._slots.__wrapped__(_answering(names="old", kept=20 * 1024**3))
    assert found.state is State.FAIL
    assert "20 GB" in found.detail
    assert "pg_drop_replication_slot" in found.remedy
