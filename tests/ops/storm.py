"""Programs that are killed at random and started again at once, as supervisord would."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.ops.demo import children
from tests.support.server import ROOT, base_environment, die_with_parent

Process = subprocess.Popen[bytes]


class Program:
    """One program that is kept running: whenever it ends, it is started again."""

    def __init__(self, start: Callable[[], Process]) -> None:
        self._start = start
        self._is_over = threading.Event()
        self._groups: list[int] = []
        self._process = self._started()
        self._keeper = threading.Thread(target=self._keep, daemon=True)
        self._keeper.start()

    @property
    def pid(self) -> int:
        """Return the process that runs now, or ran a moment ago."""
        return self._process.pid

    def kill(self) -> None:
        """End the process as the kernel would when memory runs out."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def kill_child(self, choice: random.Random) -> None:
        """End one of its child processes."""
        found = sorted(children(self.pid))
        if found:
            with suppress(ProcessLookupError):
                os.kill(choice.choice(found), signal.SIGKILL)

    def end(self) -> None:
        """End the program for good, with all that its processes left behind."""
        self._is_over.set()
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
        for group in self._groups:
            with suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)
        self._keeper.join(10)

    def _started(self) -> Process:
        process = self._start()
        self._groups.append(process.pid)
        return process

    def _keep(self) -> None:
        while not self._is_over.is_set():
            self._process.wait()
            if not self._is_over.wait(0.1):
                self._process = self._started()


def starter(
    command: list[str], environment: Mapping[str, str], log_path: Path
) -> Callable[[], Process]:
    """Return a function that starts `command` from the project's root."""

    def start() -> Process:
        with log_path.open("ab") as output:
            return subprocess.Popen(
                [sys.executable, "-m", *command],
                cwd=ROOT,
                env={**base_environment(), **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=die_with_parent,  # noqa: PLW1509 - one prctl call, safe after fork
            )

    return start


@contextmanager
def kept(start: Callable[[], Process]) -> Iterator[Program]:
    """Keep a program running for the block."""
    program = Program(start)
    try:
        yield program
    finally:
        program.end()


@dataclass
class Killer:
    """Kills one of `victims` every so often, each as often as the others, in no fixed order.

    A machine that starts programs slower than they die gets `grace_seconds` to be up again.
    """

    victims: Mapping[str, Callable[[], None]]
    is_up: Callable[[], bool]
    every_seconds: float
    grace_seconds: float
    at_most: int
    seed: int
    kills: Counter[str] = field(default_factory=Counter)
    last_at: float = 0.0
    _is_over: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def at_work(self) -> Iterator["Killer"]:
        """Kill for the block, until every victim has died at least once; no more than `at_most`."""
        thread = threading.Thread(target=self._work, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._is_over.set()
            thread.join()

    def _work(self) -> None:
        choice = random.Random(self.seed)
        turn: list[str] = []
        while self.kills.total() < self.at_most:
            if self._is_over.is_set() and len(self.kills) == len(self.victims):
                return
            time.sleep(self.every_seconds)
            until = time.monotonic() + self.grace_seconds
            while not self.is_up() and time.monotonic() < until:
                time.sleep(0.1)
            if not turn:
                turn = sorted(self.victims)
                choice.shuffle(turn)
            name = turn.pop()
            self.victims[name]()
            self.kills[name] += 1
            self.last_at = time.monotonic()
