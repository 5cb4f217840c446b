"""What a check of the doctor finds: how it stands, what is wrong, and what to do about it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    OK = "ok"
    SKIP = "skip"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report. Whatever is not ok has a remedy."""

    state: State
    detail: str
    remedy: str = ""


def ok(detail: str) -> Finding:
    """Say that something is as it should be."""
    return Finding(State.OK, detail)


def skip(why: str) -> Finding:
    """Say that something was not looked at, and why."""
    return Finding(State.SKIP, why)


def warn(detail: str, remedy: str) -> Finding:
    """Say that something works, but not as it should."""
    return Finding(State.WARN, detail, remedy)


def fail(detail: str, remedy: str) -> Finding:
    """Say that something does not work."""
    return Finding(State.FAIL, detail, remedy)


@dataclass(frozen=True, slots=True)
class Check:
    """A named look at one thing; `is_slow` ones ask outsiders or start programs.

    `asks` is whom to suspect when the look does not come back within its time.
    """

    name: str
    look: Callable[[], Finding | Iterable[Finding]]
    asks: str = "what it asks"
    is_slow: bool = False
    limit_seconds: float = 5.0


@dataclass(frozen=True, slots=True)
class Line:
    """A finding under the name of its check, and how long the check took."""

    name: str
    finding: Finding
    seconds: float


def worst(lines: Iterable[Line]) -> State:
    """Return the gravest state of `lines`; what was skipped counts as ok."""
    states = {line.finding.state for line in lines}
    return next((state for state in (State.FAIL, State.WARN) if state in states), State.OK)
