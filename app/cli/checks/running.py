"""Runs the doctor's checks beside each other; none stops another, and none takes for ever."""

import threading
import time
from collections.abc import Iterator, Sequence

from flask import Flask

from app.cli.checks.findings import Check, Finding, Line, fail

AT_ONCE = 6

_FAINTED = (
    "This is a fault of the doctor, or of what it asked: mend the rest first, then report it."
)
_HANGS = "{} hangs: look whether it can be reached from here and is not overloaded."


class _Running:
    """A check in a thread of its own, which is left behind when it does not come back."""

    def __init__(self, check: Check, app: Flask, slots: threading.Semaphore) -> None:
        self._check, self._app, self._slots = check, app, slots
        self._limit = check.limit_seconds
        self._began, self._ended = threading.Event(), threading.Event()
        self._lock = threading.Lock()
        self._holds_slot = False
        self._began_at = self._ended_at = 0.0
        self._findings: list[Finding] = []
        threading.Thread(target=self._run, name=check.name, daemon=True).start()

    def lines(self) -> Iterator[Line]:
        """Wait for the end, at most for as long as a check may take, and yield what was found."""
        self._began.wait()
        if self._ended.wait(self._began_at + self._limit - time.monotonic()):
            seconds = self._ended_at - self._began_at
            yield from (Line(self._check.name, found, seconds) for found in self._findings)
        else:
            self._leave()
            asks = self._check.asks
            remedy = _HANGS.format(asks[0].upper() + asks[1:])
            found = fail(f"no answer from {asks} within {self._limit:g} s", remedy)
            yield Line(self._check.name, found, self._limit)

    def _run(self) -> None:
        self._slots.acquire()
        self._holds_slot = True
        self._began_at = time.monotonic()
        self._began.set()
        self._findings = self._looked()
        self._ended_at = time.monotonic()
        self._ended.set()
        self._leave()

    def _looked(self) -> list[Finding]:
        try:
            with self._app.app_context():
                found = self._check.look()
                return [found] if isinstance(found, Finding) else list(found)
        except Exception as error:  # noqa: BLE001 - a doctor that faints helps nobody
            said = " ".join(str(error).split())[:200]
            return [fail(f"the check itself failed: {type(error).__name__}: {said}", _FAINTED)]

    def _leave(self) -> None:
        """Let another check begin, once: at the end, or when this one is given up."""
        with self._lock:
            if self._holds_slot:
                self._holds_slot = False
                self._slots.release()


def run(app: Flask, checks: Sequence[Check]) -> Iterator[Line]:
    """Run `checks` and yield their lines in order, each as soon as those before it are there."""
    slots = threading.Semaphore(AT_ONCE)
    for each in [_Running(check, app, slots) for check in checks]:
        yield from each.lines()
