"""Structured logs, the request id, who is told of crashes. No token, query or address is logged."""

import hashlib
import json
import logging
import re
import secrets
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TextIO, cast

import structlog
from flask import Flask, Response, g, has_request_context, request
from sqlalchemy import Engine, event
from werkzeug.datastructures import MultiDict

from app import error_reports, metrics
from app.config import LogFormat, Settings
from app.error_reports import Surroundings
from app.scrubbing import scrub

UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
# What has no words of others in it; all else of a line is looked through.
PLAIN_EVENTS = frozenset({"request"})
PLAIN_FIELDS = frozenset({"level", "logger", "timestamp", "request_id", "release", "route", "user"})
QUIET_ENDPOINTS = frozenset(
    {"static", "pages.live", "pages.ready", "pages.health", "pages.metrics"}
)

# Whose bodies are errors themselves.
TELLING_ENDPOINTS = frozenset({"pages.report_client_error"})

log = structlog.get_logger()
_job_request: ContextVar[str] = ContextVar("job_request", default="")


def request_id() -> str:
    """Return the id of the request being answered, or that the running job goes back to, or ""."""
    return g.get("request_id", "") if has_request_context() else _job_request.get()


@contextmanager
def working_for(asked_by: str, **fields: str | int) -> Iterator[None]:
    """Give what is logged within the id of the request that is worked for, and `fields`."""
    token = _job_request.set(asked_by)
    try:
        with structlog.contextvars.bound_contextvars(**fields):
            yield
    finally:
        _job_request.reset(token)


def note_cache(hit: bool) -> None:
    """Have the request's line say whether the cache had what was looked for; one miss is a miss."""
    if has_request_context():
        g.cache = "hit" if hit and g.get("cache") != "miss" else "miss"


def _add_request_id(_: Any, __: str, event: dict[str, Any]) -> dict[str, Any]:
    if current := request_id():
        event.setdefault("request_id", current)
    return event


def _scrub_words(_: Any, __: str, event: dict[str, Any]) -> dict[str, Any]:
    if event["event"] in PLAIN_EVENTS:
        return event
    sent = _sent_by_visitor()
    for name, value in event.items():
        if isinstance(value, str) and name not in PLAIN_FIELDS:
            event[name] = scrub(value, sent)
    return event


def _adding(**fields: str) -> Any:
    def add(_: Any, __: str, event: dict[str, Any]) -> dict[str, Any]:
        return event | fields

    return add


class Stderr:
    """The process's stderr, which may lead nowhere: what cannot be logged is lost, no more.

    When gunicorn's master is killed nobody reads this pipe any longer, while the workers serve on
    until others do.
    """

    def write(self, text: str) -> None:
        """Write `text`, if anybody takes it."""
        with suppress(OSError, ValueError):
            sys.stderr.write(text)

    def flush(self) -> None:
        """Send what was written, if anybody takes it."""
        with suppress(OSError, ValueError):
            sys.stderr.flush()

    def isatty(self) -> bool:
        """Whether a person reads along."""
        return bool(getattr(sys.stderr, "isatty", bool)())


def configure_logging(settings: Settings) -> None:
    """Send every log record to stderr, one line each: JSON, or text for a terminal.

    Our own events are rendered and written at once; the standard library's records, which are few,
    take the detour over its handlers (300 us). The line of a request goes neither way.
    """
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_request_id,
        structlog.processors.format_exc_info,
        _scrub_words,
    ]
    if settings.log_form is LogFormat.JSON:
        renderer: Any = structlog.processors.JSONRenderer()
        if settings.release:
            shared.insert(0, _adding(release=settings.release))
    else:
        renderer = structlog.dev.ConsoleRenderer(colors=Stderr().isatty())
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    structlog.configure(
        processors=[*shared, renderer],
        logger_factory=structlog.WriteLoggerFactory(cast(TextIO, Stderr())),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=False,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    # The vendors' libraries write bodies and keys at DEBUG.
    for noisy in (
        *("alembic", "werkzeug", "botocore", "urllib3", "procrastinate.periodic"),
        "app.direct",  # SQLAlchemy's pools say in the name of their class what they do
        # Of jobs we say ourselves what became of them, and never with their arguments.
        *("python_http_client", "stripe", "procrastinate.worker", "procrastinate.jobs"),
    ):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))


def _sent_by_visitor() -> set[str]:
    """Return what this request brought along, as far as it was read: an error may quote it."""
    if not has_request_context():
        return set()
    brought: list[Any] = [*request.cookies.values(), *request.args.values()]
    brought += [*(request.view_args or {}).values()]
    brought += request.headers.get("Authorization", "").split()
    form = vars(request).get("form")  # unless somebody read it, it is not there yet
    if isinstance(form, MultiDict):
        brought += [text for _, text in form.items(multi=True)]
    if "read_body" in g and request.endpoint not in TELLING_ENDPOINTS:
        with suppress(ValueError, RecursionError):
            brought += _texts_of(json.loads(g.read_body))
    return {value for value in brought if isinstance(value, str) and not UUID.fullmatch(value)}


def _texts_of(document: Any) -> list[Any]:
    """Return the leaves of a JSON document."""
    if isinstance(document, dict):
        document = list(document.values())
    if isinstance(document, list):
        return [text for part in document for text in _texts_of(part)]
    return [document]


def _surroundings() -> Surroundings:
    """Return where an error came up, for those that are told of it."""
    fields = structlog.contextvars.get_contextvars()
    tags: dict[str, str] = {
        name: str(fields[name]) for name in ("task", "queue", "job_id", "attempt") if name in fields
    }
    if asked_by := request_id():
        tags["request_id"] = asked_by
    if not has_request_context():
        return Surroundings(tags)
    tags |= {"route": _route(), "method": request.method}
    return Surroundings(tags, g.get("person"), _sent_by_visitor())


def _route() -> str:
    return request.url_rule.rule if request.url_rule else "unmatched"


def _log_crash(exc_info: Any) -> None:
    """Log what no view expected, in place of Flask's own line, which has the path in it."""
    log.error("crash", logger="web", route=_route(), method=request.method, exc_info=exc_info)
    error_reports.report(exc_info[1])


def log_uncaught() -> None:
    """Have what ends this process, or one of its threads, logged as one line and reported."""

    def told(error: BaseException | None, where: str) -> None:
        if error is not None and not isinstance(error, KeyboardInterrupt):
            log.critical("crash", logger="process", where=where, exc_info=error)
            error_reports.report(error)

    sys.excepthook = lambda _, error, __: told(error, "main")
    threading.excepthook = lambda given: told(given.exc_value, "thread")


@lru_cache(maxsize=4096)
def person_hash(user_id: object) -> str:
    """Return a short stable pseudonym of a user id, fit for logs."""
    return hashlib.sha256(str(user_id).encode()).hexdigest()[:12]


class SqlUse(threading.local):
    """How many statements this thread has sent for the request it answers, and how long they took.

    Counted by our clock, from sending to the first row: waiting for the server is in it.
    """

    count = 0
    seconds = 0.0
    sent_at = 0.0

    def reset(self) -> None:
        """Begin to count for another request."""
        self.count, self.seconds = 0, 0.0


sql_use = SqlUse()


@event.listens_for(Engine, "before_cursor_execute")
def _note_sent(*_: Any) -> None:
    sql_use.sent_at = time.perf_counter()


@event.listens_for(Engine, "after_cursor_execute")
def _note_answered(*_: Any) -> None:
    sql_use.count += 1
    sql_use.seconds += time.perf_counter() - sql_use.sent_at


def _begin() -> None:
    given = request.environ.get("HTTP_X_REQUEST_ID", "")
    state = _really(g)
    state.request_id = given if given and REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
    state.started = time.perf_counter()
    sql_use.reset()


def _really(proxy: Any) -> Any:
    """Return what a proxy of Flask's stands for; to look it up each time costs a microsecond."""
    return proxy._get_current_object()  # noqa: SLF001 - Flask's own recipe


@dataclass(frozen=True, slots=True)
class _Answered:
    """What the line of a request tells."""

    request_id: str
    method: str
    route: str
    status: int
    duration_ms: float
    sql_count: int
    sql_ms: float
    user: str | None
    cache: str | None


def _as_text(done: _Answered) -> None:
    fields = {name: getattr(done, name) for name in done.__slots__ if name != "request_id"}
    if done.cache is None:
        del fields["cache"]
    log.info("request", logger="web", **fields)


@lru_cache(maxsize=1024)
def _quoted(text: str | None) -> str:
    return json.dumps(text)


def _as_json(release: str) -> Callable[[_Answered], None]:
    """Return what writes the line at once.

    It has no words of others in it and no exception, so there is nothing to look through; the
    machinery of the other lines would cost as much as a tenth of an answer.
    """
    always = f'"level": "info", "logger": "web", "release": {_quoted(release)}, '
    if not release:
        always = '"level": "info", "logger": "web", '
    stderr = Stderr()

    def write(done: _Answered) -> None:
        now = datetime.now(UTC).isoformat()[:-6]
        cache = f', "cache": "{done.cache}"' if done.cache else ""
        stderr.write(
            f'{{"event": "request", {always}"timestamp": "{now}Z", '
            f'"request_id": "{done.request_id}", "method": {_quoted(done.method)}, '
            f'"route": {_quoted(done.route)}, "status": {done.status}, '
            f'"duration_ms": {done.duration_ms}, "sql_count": {done.sql_count}, '
            f'"sql_ms": {done.sql_ms}, "user": {_quoted(done.user)}{cache}}}\n'
        )

    return write


def _finisher(settings: Settings) -> Callable[[Response], Response]:
    """Return what counts and logs each answer."""
    if logging.getLevelNamesMapping()[settings.log_level.upper()] > logging.INFO:
        tell: Callable[[_Answered], object] = bool
    elif settings.log_form is LogFormat.JSON:
        tell = _as_json(settings.release)
    else:
        tell = _as_text

    def finish(response: Response) -> Response:
        asked, state, status = _really(request), _really(g), response.status_code
        asked_as = state.get("request_id", "")
        response.headers["X-Request-Id"] = asked_as
        endpoint, method, count, waited = (
            asked.endpoint,
            asked.method,
            sql_use.count,
            sql_use.seconds,
        )
        seconds = time.perf_counter() - state.started
        metrics.count_request(endpoint, method, status, seconds, count, waited)
        duration_ms, sql_ms = round(seconds * 1000, 1), round(waited * 1000, 1)
        if state.get("is_staff"):
            timing = f'total;dur={duration_ms}, db;dur={sql_ms};desc="{count} statements"'
            response.headers["Server-Timing"] = timing
        if endpoint in QUIET_ENDPOINTS and status < 500:
            return response
        route = asked.url_rule.rule if asked.url_rule else "unmatched"
        person, cache = state.get("person"), state.get("cache")
        tell(_Answered(asked_as, method, route, status, duration_ms, count, sql_ms, person, cache))
        return response

    return finish


def init_app(app: Flask, settings: Settings) -> None:
    """Give every request an id and every answer a log line."""
    configure_logging(settings)
    error_reports.configure(settings, _surroundings)
    app.log_exception = _log_crash  # type: ignore[method-assign]
    app.before_request(_begin)
    app.after_request(_finisher(settings))
