"""Rows 8 and 9: memory and start of the whole house as supervisord runs it."""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench import furniture, load, processes
from tests.bench.rows import R1_FRESH_MB, R1_LOADED_MB, Goal
from tests.bench.site import Site, settings_of
from tests.support.server import ROOT, base_environment, free_port, responds, running, wait_until

STARTS = 5
LOAD_ROUNDS = 5
MEGABYTE = 1024 * 1024


@dataclass(frozen=True)
class Supervised:
    """A house run by supervisord and the seconds it took to answer first."""

    url: str
    pid: int
    start_seconds: float

    def web_workers(self) -> list[int]:
        """Return gunicorn's worker processes."""
        masters = [
            pid
            for pid in processes.tree(self.pid)
            if "gunicorn" in _command_line(pid) and processes.tree(pid) != [pid]
        ]
        return [pid for master in masters for pid in processes.tree(master) if pid != master]


def _command_line(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()


@contextmanager
def _supervised(site: Site, number: int) -> Iterator[Supervised]:
    settings = site.app.extensions["settings"]
    directory = site.scratch / f"house-{number}"
    run, logs = directory / "run", directory / "log"
    for folder in (run / "supervisor.d", logs):
        folder.mkdir(parents=True)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environment = {
        **settings_of(settings.database_url.replace("+psycopg2", ""), directory),
        "PORT": str(port),
        "PUBLIC_BASE_URL": url,
        "RUN_DIR": str(run),
        "LOG_DIR": str(logs),
        **dict.fromkeys(("RUN_WEB", "RUN_WORKER", "RUN_SCHEDULER"), "true"),
    }
    supervisord = str(Path(sys.executable).with_name("supervisord"))
    command = [supervisord, "-n", "-c", str(ROOT / "supervisord.conf")]
    began = time.perf_counter()
    with running(command, environment, directory / "supervisord.out") as process:
        wait_until(lambda: responds(url, "/courses"), 60, f"{url} answers", 0.01)
        yield Supervised(url, process.pid, time.perf_counter() - began)


def _megabytes(figure: float) -> float:
    return figure / MEGABYTE


def _boot_seconds() -> float:
    """Return how long a worker takes to load the application."""
    environment = {**base_environment(), "DATABASE_URL": "postgresql:///nowhere"}
    bare, full = [], []
    for _ in range(STARTS):
        for script, times in (("pass", bare), ("import wsgi", full)):
            began = time.perf_counter()
            command = [sys.executable, "-c", script]
            subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
            times.append(time.perf_counter() - began)
    return statistics.median(full) - statistics.median(bare)


def _memory(site: Site, house: Supervised, say: Callable[[str], None]) -> list[Goal]:
    wait_until(lambda: len(house.web_workers()) >= (os.cpu_count() or 1), 30, "all workers run")
    fresh = _megabytes(processes.tree_memory_bytes(house.pid)[0])
    with site.app.app_context():
        requests = furniture.catalog_requests()
        furniture.end_streams()
        tokens = furniture.token_requests(site.lesson_id)
    for number in range(LOAD_ROUNDS):
        load.run(house.url, requests, site.scratch)
        load.run(house.url, tokens, site.scratch)
        with site.app.app_context():
            furniture.end_streams()
        say(f"memory: load {number + 1} of {LOAD_ROUNDS} done")
    loaded = _megabytes(processes.tree_memory_bytes(house.pid)[0])
    worker = max(_megabytes(processes.memory_bytes(pid)[1]) for pid in house.web_workers())
    return [
        Goal(8, "memory fresh: RSS of all but PostgreSQL", 0.6 * R1_FRESH_MB, "MB", fresh),
        Goal(8, "memory after load: RSS of all but PostgreSQL", 0.3 * R1_LOADED_MB, "MB", loaded),
        Goal(8, "memory after load: PSS of a web worker", 65.0, "MB", worker),
    ]


def measure(site: Site, rows: set[int], say: Callable[[str], None]) -> list[Goal]:
    """Measure rows 8 and 9 as far as `rows` ask for them."""
    found: list[Goal] = []
    starts: list[float] = []
    for number in range(STARTS if 9 in rows else 1):
        with _supervised(site, number) as house:
            starts.append(house.start_seconds)
            if 8 in rows and number == 0:
                found += _memory(site, house, say)
        say(f"start {number + 1} took {starts[-1]:.2f} s")
    if 9 in rows:
        what = "supervisord's start to the first 200 of the catalog"
        found.append(Goal(9, what, 2.0, "s", statistics.median(starts)))
        found.append(Goal(9, "a worker's loading of the application", 0.8, "s", _boot_seconds()))
    return found
