"""What is told of each answer: its line in the log, and its figures.

In a process that serves both wait for a moment, and are done for many answers at a time: between
requests the code that does it would have to be fetched into the processor's cache again and again,
which costs several times what it does. A process that is killed takes its last moment's lines
along; nginx has one of its own for each request.
"""

import atexit
import json
import logging
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import lru_cache, partial
from typing import Any, NamedTuple

import structlog

from app import metrics
from app.config import LogFormat, Settings
from app.stderr import Stderr

MOST_WAITING = 2000
# Workers share a pipe; what is longer may be torn apart by another's.
ATOMIC_BYTES = 4096
QUIET_ENDPOINTS = frozenset(
    {"static", "pages.live", "pages.ready", "pages.health", "pages.metrics"}
)

log = structlog.get_logger()


class Answer(NamedTuple):
    """What is told of one answer; `moment` is in seconds since 1970, `person` a pseudonym."""

    moment: float
    request_id: str
    endpoint: str | None
    method: str
    route: str
    status: int
    seconds: float
    sql_count: int
    sql_seconds: float
    person: str | None
    cache: str | None


# As `Answer(...)`, for which Python would call a function of eleven arguments.
make_answer: Callable[[tuple[Any, ...]], Answer] = partial(tuple.__new__, Answer)
Tell = Callable[[Iterable[Answer]], object]

_waiting: deque[Answer] = deque()


class _Telling:
    """How lines are told, as the process's log is configured, and how many answers wait for it."""

    def __init__(self) -> None:
        self.by: Tell = list
        self.may_wait, self.most = False, 1


_telling = _Telling()


def configure(settings: Settings) -> None:
    """Tell of answers as `settings` say, from now on."""
    settle()
    if logging.getLevelNamesMapping()[settings.log_level.upper()] > logging.INFO:
        tell: Tell = list
    elif settings.log_form is LogFormat.JSON:
        tell = _as_json(settings.release)
    else:
        tell = _as_text
    _telling.by = tell
    _telling.may_wait, _telling.most = tell is not _as_text, 1


def put_down(answer: Answer) -> None:
    """Have an answer told of soon."""
    _waiting.append(answer)
    if len(_waiting) >= _telling.most:
        settle()


def settle() -> None:
    """Tell of every answer that waits."""
    # Where figures are shared a thread comes each moment.
    _telling.most = MOST_WAITING if _telling.may_wait and metrics.are_shared() else 1
    taken: list[Answer] = []
    with suppress(IndexError):
        while True:
            taken.append(_waiting.popleft())
    if not taken:
        return
    metrics.count_requests(taken)
    _telling.by(
        each for each in taken if each.endpoint not in QUIET_ENDPOINTS or each.status >= 500
    )


def _as_text(answers: Iterable[Answer]) -> None:
    for answer in answers:
        told: dict[str, Any] = {
            "request_id": answer.request_id,
            "method": answer.method,
            "route": answer.route,
            "status": answer.status,
            "duration_ms": round(answer.seconds * 1000, 1),
            "sql_count": answer.sql_count,
            "sql_ms": round(answer.sql_seconds * 1000, 1),
            "user": answer.person,
        }
        if answer.cache:
            told["cache"] = answer.cache
        log.info("request", logger="web", **told)


def _as_json(release: str) -> Tell:
    """Return what writes the lines.

    There are no words of others in them and no exceptions, so there is nothing to look through;
    the machinery of the other lines would cost as much as a tenth of an answer.
    """
    about = '{"event": "request", "level": "info", "logger": "web", '
    if release:
        about += f'"release": {json.dumps(release)}, '
    stderr = Stderr()

    def line(answer: Answer) -> str:
        (moment, asked_as, _, method, route, status, seconds, count, waited, person, cache) = answer
        second = int(moment)
        who = f'"{person}"' if person else "null"
        cached = f', "cache": "{cache}"' if cache else ""
        return (
            f'{about}"timestamp": "{_second(second)}.{int((moment - second) * 1e6):06d}Z", '
            f'"request_id": "{asked_as}", {_kind(method, route, status)}'
            f'"duration_ms": {seconds * 1000:.1f}, "sql_count": {count}, '
            f'"sql_ms": {waited * 1000:.1f}, "user": {who}{cached}}}\n'
        )

    def write(answers: Iterable[Answer]) -> None:
        for chunk in _chunks([line(answer) for answer in answers]):
            stderr.write(chunk)

    return write


def _chunks(lines: Sequence[str]) -> Iterator[str]:
    """Yield the lines joined, as many at a time as a pipe takes at once."""
    begin = length = 0
    for number, line in enumerate(lines):
        length += len(line)
        if length > ATOMIC_BYTES:
            yield "".join(lines[begin:number])
            begin, length = number, len(line)
    yield "".join(lines[begin:])


@lru_cache(maxsize=4)
def _second(moment: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment))


@lru_cache(maxsize=1024)
def _kind(method: str, route: str, status: int) -> str:
    return f'"method": {json.dumps(method)}, "route": {json.dumps(route)}, "status": {status}, '


def _forget() -> None:
    """Leave to the parent what it put down; the thread that comes is the parent's, too."""
    _waiting.clear()
    _telling.most = 1


metrics.each_moment(settle)
atexit.register(settle)
os.register_at_fork(after_in_child=_forget)
