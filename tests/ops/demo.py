"""A real demo of one's own port and folder, and a crowd that keeps asking it."""

import http.client
import os
import shutil
import subprocess
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg2

from tests.ops.supervised import pid_of
from tests.support.server import ROOT, base_environment, free_port, wait_until

START_TIMEOUT_SECONDS = 240


@dataclass
class Demo:
    """A demo started by setup.sh: its folder, its port, and what a person does to it."""

    folder: Path
    port: int

    @property
    def environment(self) -> dict[str, str]:
        chosen = {"DATA_DIR": str(self.folder), "PORT": str(self.port), "WEB_WORKERS": "2"}
        network = {k: v for k, v in os.environ.items() if k.startswith(("SSL_", "PIP_", "UV_"))}
        return base_environment() | network | chosen

    @property
    def places(self) -> dict[str, str]:
        """What setup.sh noted about where things are."""
        words = (self.folder / "places").read_text().split()
        return dict(word.split("=", 1) for word in words)

    def setup(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        answer = subprocess.run(
            [ROOT / "setup.sh", *arguments],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=START_TIMEOUT_SECONDS,
            check=False,
        )
        if check:
            assert answer.returncode == 0, answer.stdout + answer.stderr
        return answer

    def pid(self, program: str = "") -> int:
        """Return the process of a program (supervisord's own without one), 0 when none runs."""
        return pid_of(Path(self.places["RUN_DIR"]) / "supervisor.sock", program)

    def get(self, path: str) -> int:
        """Return the status of one answer, 0 when there is none."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        with closing(connection):
            try:
                connection.request("GET", path)
                return connection.getresponse().status
            except (OSError, http.client.HTTPException):
                return 0

    def is_ready(self) -> bool:
        return self.get("/api/health/ready") == 200

    def row(self, query: str) -> tuple[Any, ...] | None:
        """Return the first row of a query, asked as the database's owner."""
        host = self.places["RUN_DIR"] + "/postgres"
        with closing(psycopg2.connect(host=host, user="app", dbname="app")) as connection:
            cursor = connection.cursor()
            cursor.execute(query)
            return cursor.fetchone()


def lives(pid: int) -> bool:
    """Whether there is such a process; one that only waits to be reaped is dead."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def children(pid: int) -> set[int]:
    """Return the child processes of `pid`."""
    try:
        return {int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}
    except FileNotFoundError:
        return set()


@contextmanager
def fresh_demo() -> Iterator[Demo]:
    """Run a demo for the block; its folder is one that PostgreSQL's own user may enter."""
    folder = Path(tempfile.mkdtemp(prefix="triple-"))
    folder.chmod(0o711)
    demo = Demo(folder / "demo", free_port())
    try:
        demo.setup("demo", "--detach")
        yield demo
    finally:
        demo.setup("stop", check=False)
        shutil.rmtree(folder)


@dataclass
class Crowd:
    """Visitors that ask again after a moment's thought, on kept and on new connections."""

    port: int
    visitors: int = 4
    answers: Counter[str] = field(default_factory=Counter)
    _gone: threading.Event = field(default_factory=threading.Event)

    def _visit(self, keeps: bool) -> None:
        connection = None
        while not self._gone.wait(0.01):
            if connection is None:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
            try:
                headers = {} if keeps else {"Connection": "close"}
                connection.request("GET", "/api/courses", headers=headers)
                response = connection.getresponse()
                response.read()
                self.answers[str(response.status)] += 1
                closes = response.will_close
            except (OSError, http.client.HTTPException) as error:
                self.answers[type(error).__name__] += 1
                closes = True
            if closes:
                connection.close()
                connection = None
        if connection is not None:
            connection.close()

    def wait_for_more(self, count: int) -> None:
        """Wait until `count` more requests have ended, one way or another."""
        wanted = self.answers.total() + count
        wait_until(lambda: self.answers.total() >= wanted, 60, f"{count} more answers")

    @contextmanager
    def asking(self) -> Iterator["Crowd"]:
        """Ask for the block, which gets the crowd once everybody has been answered a few times."""
        threads = [
            threading.Thread(target=self._visit, args=(bool(number % 2),), daemon=True)
            for number in range(self.visitors)
        ]
        for thread in threads:
            thread.start()
        try:
            self.wait_for_more(5 * self.visitors)
            yield self
        finally:
            self._gone.set()
            for thread in threads:
                thread.join(65)
