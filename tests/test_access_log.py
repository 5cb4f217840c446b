"""Every answer is told of once and whole, at once or a moment later."""

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from app import access_log, metrics
from app.access_log import ATOMIC_BYTES, MOST_WAITING, Answer
from app.config import load_settings
from tests.support.server import ROOT

pytestmark = pytest.mark.no_database

ANSWER = Answer(
    1_700_000_000.25, "id-1", "courses.index", "GET", "/courses", 200, 0.02, 3, 0.01, "abc", "hit"
)
SERVING = """
import os, sys
from pathlib import Path
from app import access_log, metrics
from app.config import load_settings
from tests.test_access_log import ANSWER
access_log.configure(load_settings({"DATABASE_URL": "x", "LOG_FORMAT": "json"}))
metrics.share(Path(sys.argv[1]), "web")
access_log.settle()
"""


class Written(io.StringIO):
    """A stderr that keeps each write."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[str] = []

    def write(self, text: str) -> int:
        """Keep it."""
        self.writes.append(text)
        return len(text)

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The lines, read."""
        return [json.loads(line) for line in "".join(self.writes).splitlines()]


@contextmanager
def written() -> Iterator[Written]:
    """Collect what is written of answers in the block, as JSON."""
    stderr, before = Written(), sys.stderr
    sys.stderr = stderr
    access_log.configure(load_settings({"DATABASE_URL": "x", "LOG_FORMAT": "json"}))
    try:
        yield stderr
    finally:
        sys.stderr = before
        access_log.configure(load_settings({"DATABASE_URL": "x", "LOG_LEVEL": "ERROR"}))


def _serve(directory: Path, then: str) -> list[dict[str, Any]]:
    """Run a process that shares its figures and does `then`; return the lines it wrote."""
    done = subprocess.run(
        [sys.executable, "-c", SERVING + then, str(directory)],
        cwd=ROOT,
        check=True,
        timeout=60,
        capture_output=True,
        text=True,
    )
    return [json.loads(line) for line in done.stderr.splitlines()]


def _counted(directory: Path | None = None) -> float:
    return sum(
        sample.value
        for family in metrics.collect(directory)
        for sample in family.samples
        if sample.name == "triple_http_requests_total"
    )


def test_a_process_of_its_own_tells_at_once() -> None:
    before = _counted()
    with written() as told:
        access_log.put_down(ANSWER)
        (line,) = told.lines
    assert line == {
        "event": "request",
        "level": "info",
        "logger": "web",
        "timestamp": "2023-11-14T22:13:20.250000Z",
        "request_id": "id-1",
        "method": "GET",
        "route": "/courses",
        "status": 200,
        "duration_ms": 20.0,
        "sql_count": 3,
        "sql_ms": 10.0,
        "user": "abc",
        "cache": "hit",
    }
    assert _counted() == before + 1


def test_a_server_lets_answers_wait_and_tells_all_when_it_ends(tmp_path: Path) -> None:
    lines = _serve(
        tmp_path,
        "for _ in range(3): access_log.put_down(ANSWER)\nassert len(access_log._waiting) == 3\n",
    )
    assert len(lines) == 3
    assert _counted(tmp_path) == 3


def test_a_server_tells_within_a_second(tmp_path: Path) -> None:
    """Nobody asks, nothing ends: the thread that keeps the figures comes by."""
    wait = (
        "import threading\n"
        "told, tell = threading.Event(), access_log._telling.by\n"
        "access_log._telling.by = lambda answers: (tell(answers), told.set())\n"
        "access_log.put_down(ANSWER)\n"
        "assert told.wait(5)\n"
        "os._exit(0)\n"
    )
    assert len(_serve(tmp_path, wait)) == 1
    assert _counted(tmp_path) == 1


def test_little_waits_however_much_is_answered(tmp_path: Path) -> None:
    much = (
        "for _ in range(3 * access_log.MOST_WAITING):\n"
        "    access_log.put_down(ANSWER)\n"
        "    assert len(access_log._waiting) < access_log.MOST_WAITING\n"
    )
    assert len(_serve(tmp_path, much)) == 3 * MOST_WAITING
    assert _counted(tmp_path) == 3 * MOST_WAITING


def test_a_forked_child_does_not_tell_what_its_parent_put_down(tmp_path: Path) -> None:
    forked = (
        "access_log.put_down(ANSWER)\n"
        "child = os.fork()\n"
        "if child == 0: access_log.put_down(ANSWER._replace(request_id='id-2')); os._exit(0)\n"
        "os.waitpid(child, 0)\n"
    )
    lines = _serve(tmp_path, forked)
    assert sorted(line["request_id"] for line in lines) == ["id-1", "id-2"]


def test_who_asks_for_figures_sees_what_waits(tmp_path: Path) -> None:
    ask = (
        "from tests.test_access_log import _counted\n"
        "access_log.put_down(ANSWER)\n"
        "assert _counted() == 1\n"
    )
    _serve(tmp_path, ask)


def test_lines_are_written_together_but_never_torn_apart() -> None:
    """Workers share a pipe: what it takes at once stays whole."""
    with written() as told:
        access_log._telling.by([ANSWER._replace(request_id=f"id-{n}") for n in range(100)])
    assert [line["request_id"] for line in told.lines] == [f"id-{n}" for n in range(100)]
    assert len(told.writes) < 20
    assert max(map(len, told.writes)) <= ATOMIC_BYTES
    assert all(text.endswith("\n") for text in told.writes)


@pytest.mark.parametrize(("status", "lines"), [(200, 0), (503, 1)])
def test_what_machines_ask_all_day_is_told_of_when_it_fails(status: int, lines: int) -> None:
    before = _counted()
    with written() as told:
        access_log.put_down(ANSWER._replace(endpoint="pages.ready", status=status))
    assert len(told.lines) == lines
    assert _counted() == before + 1
