"""The backup jobs: a process of their own, tried again while the store is away."""

import sys
from pathlib import Path

import pytest
from flask import Flask

from app.worker import backups
from app.worker.retries import Interrupted, RunAgain

SLOW = "import time\nfor _ in range(600):\n    time.sleep(0.1)\n"


@pytest.fixture
def verb(app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of Python that stands in for the verbs, where BACKUP_URL is set."""
    changed = app.extensions["settings"].model_copy(update={"backup_url": tmp_path.as_uri()})
    monkeypatch.setitem(app.extensions, "settings", changed)
    program = tmp_path / "python"
    script = tmp_path / "verb.py"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{script}" "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setattr(backups.sys, "executable", str(program))
    return script


def _never() -> bool:
    return False


def test_a_house_without_a_place_for_backups_takes_none(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backups.sys, "executable", "/nowhere/python")
    backups.back_up(1, _never)
    backups.back_up_media(1, _never)


def test_a_backup_is_taken_and_then_what_is_too_old_removed(verb: Path) -> None:
    said = verb.with_name("said")
    verb.write_text(f"import sys\nopen({str(said)!r}, 'a').write(' '.join(sys.argv[5:]) + ';')\n")
    backups.back_up(1, _never)
    backups.back_up_media(1, _never)
    assert said.read_text(encoding="utf-8") == "backup;backup prune;backup media;"


def test_what_failed_is_tried_again_until_the_attempts_are_over(
    verb: Path, caplog: pytest.LogCaptureFixture
) -> None:
    verb.write_text("raise SystemExit(1)", encoding="utf-8")
    with pytest.raises(RunAgain) as again:
        backups.back_up_media(1, _never)
    assert again.value.wait.total_seconds() == 900
    backups.back_up_media(backups.MAX_ATTEMPTS, _never)
    assert "given up" in caplog.text


def test_a_worker_that_stops_ends_its_backup(verb: Path) -> None:
    verb.write_text(SLOW, encoding="utf-8")
    with pytest.raises(Interrupted):
        backups.back_up_media(1, lambda: True)
