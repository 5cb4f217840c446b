"""gunicorn on a Unix socket, as nginx meets it: generations change without a refused connection."""

import http.client
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.ops.demo import children, lives
from tests.support.server import ROOT, running, wait_until

pytestmark = pytest.mark.no_database
APPLICATION = """
import os

def app(environ, start_response):
    number = str(os.getpid()).encode()
    start_response("200 OK", [("Content-Length", str(len(number)))])
    return [number]
"""


class Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=30)
        self._path = str(path)

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _ask(path: Path) -> str:
    connection = Connection(path)
    try:
        connection.request("GET", "/", headers={"Connection": "close"})
        response = connection.getresponse()
        response.read()
        return str(response.status)
    except (OSError, http.client.HTTPException) as error:
        return type(error).__name__
    finally:
        connection.close()


@contextmanager
def _visitors(path: Path) -> Iterator[Counter[str]]:
    answers: Counter[str] = Counter()
    gone = threading.Event()

    def visit() -> None:
        while not gone.wait(0.002):
            answers[_ask(path)] += 1

    threads = [threading.Thread(target=visit) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        gone.set()
        for thread in threads:
            thread.join()


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path: a socket's name holds 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="web-") as name:
        (Path(name) / "small.py").write_text(APPLICATION)
        yield Path(name)


@contextmanager
def _cluster(folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    environment = {
        "RUN_DIR": str(folder),
        "WEB_BIND": f"unix:{folder}/web.sock",
        "WEB_WORKERS": "2",
        "PYTHONPATH": str(folder),
    }
    command = [sys.executable, "-m", "gunicorn", "-c", str(ROOT / "gunicorn.conf.py"), "small:app"]
    with running(command, environment, folder / "log") as master:
        wait_until(lambda: len(children(master.pid)) == 2, 30, "two workers run")
        wait_until(lambda: _ask(folder / "web.sock") == "200", 30, "the cluster answers")
        yield master


def test_a_killed_master_and_its_successor_refuse_nobody(folder: Path) -> None:
    path = folder / "web.sock"
    with _cluster(folder) as first, _visitors(path) as answers:
        orphans = children(first.pid)
        first.kill()
        first.wait()
        with _cluster(folder) as second:
            wait_until(lambda: not any(map(lives, orphans)), 45, "the orphans are gone")
            before = children(second.pid)
            os.kill(second.pid, signal.SIGHUP)
            wait_until(
                lambda: not children(second.pid) & before and len(children(second.pid)) == 2,
                45,
                "both workers are new",
            )
            seen = dict(answers)
    assert set(seen) == {"200"}, seen
    assert seen["200"] > 50


def test_a_stopped_cluster_goes_at_once_and_may_start_again(folder: Path) -> None:
    for _ in range(2):
        with _cluster(folder) as master:
            workers = children(master.pid)
            master.terminate()
            assert master.wait(10) == 0
        wait_until(lambda old=workers: not any(map(lives, old)), 5, "no worker is left")
    assert "Traceback" not in (folder / "log").read_text()


def test_connections_that_come_at_once_are_shared_out(folder: Path) -> None:
    """nginx keeps its connections: a worker that took them all would work alone for minutes."""
    most = []
    with _cluster(folder):
        for _ in range(9):
            connections = [Connection(folder / "web.sock") for _ in range(32)]
            for connection in connections:
                connection.connect()
            for connection in connections:
                connection.request("GET", "/")
            answered_by = Counter(each.getresponse().read() for each in connections)
            assert answered_by.total() == 32
            most.append(max(answered_by.values()))
            for connection in connections:
                connection.close()
    assert statistics.median(most) <= 20, most
