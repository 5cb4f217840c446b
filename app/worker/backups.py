"""The backup jobs: each runs `flask backup …` as a process of its own, ended with this one."""

import logging
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

from app.current import settings
from app.worker.retries import Interrupted, RunAgain

log = logging.getLogger("worker.backups")

MAX_ATTEMPTS = 6
ROOT = Path(__file__).resolve().parents[2]
_WAIT = timedelta(minutes=15)
_POLL_SECONDS = 0.5
_GRACE_SECONDS = 5.0


def back_up(attempt: int, should_stop: Callable[[], bool]) -> None:
    """Back the house up and remove what is too old, where BACKUP_URL says so.

    Raises Interrupted, and RunAgain when it failed: a store that is away comes back.
    """
    if not settings.backup_url:
        return
    _run(("backup",), attempt, should_stop)
    _run(("backup", "prune"), attempt, should_stop)


def back_up_media(attempt: int, should_stop: Callable[[], bool]) -> None:
    """Send the media that came since, where BACKUP_URL says so. Raises Interrupted, RunAgain."""
    if settings.backup_url:
        _run(("backup", "media"), attempt, should_stop)


def _run(verb: Sequence[str], attempt: int, should_stop: Callable[[], bool]) -> None:
    """Run a verb; what it says goes to this process's log as it is said."""
    process = subprocess.Popen([sys.executable, "-m", "flask", "--app", "wsgi", *verb], cwd=ROOT)
    try:
        while process.poll() is None:
            if should_stop():
                raise Interrupted
            time.sleep(_POLL_SECONDS)
    finally:
        _end(process)
    if not process.returncode:
        return
    said = f"flask {' '.join(verb)} ended with {process.returncode}"
    if attempt < MAX_ATTEMPTS:
        raise RunAgain(said, _WAIT)
    log.error("given up until the next time: %s", said)


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(_GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
