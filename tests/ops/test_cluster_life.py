"""How programs live and end: what is in flight is finished, what grows or crashes is held back."""

import re
import sys
import threading
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pytest

from tests.ops.demo import children, lives
from tests.ops.test_unix_socket import Connection, _cluster, folder
from tests.support.server import ROOT, running, wait_until

pytestmark = pytest.mark.no_database
__all__ = ["folder"]  # a fixture
APPLICATION = """
import os, time

hoard = []


def app(environ, start_response):
    if environ["PATH_INFO"] == "/slow":
        open(os.environ["RUN_DIR"] + "/asked", "w").close()
        time.sleep(1.5)
    if environ["PATH_INFO"] == "/grow":
        hoard.append(b"x" * 600_000_000)
    body = str(os.getpid()).encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""
CRASHING = """
[program:crashing]
command=/bin/false
autorestart=true
startsecs=5
startretries=1000
"""
SPAWNED = re.compile(r"^(\S+ \S+),(\d+) INFO spawned: 'crashing'", re.MULTILINE)


def _ask(folder: Path, path: str = "/") -> tuple[int, int]:
    """Return the status and which process answered."""
    connection = Connection(folder / "web.sock")
    try:
        connection.request("GET", path, headers={"Connection": "close"})
        response = connection.getresponse()
        return response.status, int(response.read())
    finally:
        connection.close()


def test_a_request_in_flight_is_answered_before_a_stop(folder: Path) -> None:
    (folder / "small.py").write_text(APPLICATION)
    answers: list[tuple[int, int]] = []
    with _cluster(folder) as master:
        visitor = threading.Thread(target=lambda: answers.append(_ask(folder, "/slow")))
        visitor.start()
        wait_until((folder / "asked").exists, 10, "the slow request is under way")
        master.terminate()
        visitor.join(20)
        assert master.wait(20) == 0
    assert [status for status, _ in answers] == [200]


def test_a_web_worker_beyond_its_memory_is_replaced_and_refuses_nobody(folder: Path) -> None:
    (folder / "small.py").write_text(APPLICATION)
    with _cluster(folder) as master:
        before = children(master.pid)
        _, grown = _ask(folder, "/grow")
        assert grown in before

        def is_replaced() -> bool:
            assert _ask(folder)[0] == 200
            return not lives(grown)

        wait_until(is_replaced, 60, "the worker that grew is gone", 0.001)
        wait_until(lambda: len(children(master.pid)) == 2, 30, "two workers run")
    assert "Replacing a worker of" in (folder / "log").read_text()


def test_a_program_that_crashes_is_started_less_and_less_often(folder: Path) -> None:
    (folder / "supervisor.d").mkdir()
    (folder / "supervisor.d" / "crashing.conf").write_text(CRASHING)
    switches = dict.fromkeys(("RUN_WEB", "RUN_WORKER", "RUN_SCHEDULER"), "false")
    environment = {"RUN_DIR": str(folder), "LOG_DIR": str(folder), **switches}
    command = [sys.executable, "-m", "supervisor.supervisord", "-n"]
    log = folder / "supervisord.log"

    def starts() -> list[float]:
        found = SPAWNED.findall(log.read_text() if log.exists() else "")
        return [datetime.fromisoformat(when).timestamp() + int(ms) / 1000 for when, ms in found]

    with running([*command, "-c", str(ROOT / "supervisord.conf")], environment, folder / "log"):
        started = wait_until(lambda: starts()[3:4] and starts(), 40, "it is started again", 0.2)
    waits = [later - earlier for earlier, later in pairwise(started)]
    assert all(wait >= number - 0.5 for number, wait in enumerate(waits, 1)), waits
