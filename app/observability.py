"""Structured logs, the request id, who is told of crashes. No token, query or address is logged."""

import hashlib
import itertools
import json
import logging
import os
import re
import secrets
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import lru_cache
from typing import Any, TextIO, cast

import structlog
from flask import Flask, Response, g, has_request_context, request
from werkzeug.datastructures import MultiDict

from app import access_log, error_reports
from app.access_log import make_answer
from app.config import LogFormat, Settings
from app.error_reports import Surroundings
from app.scrubbing import scrub
from app.sql_use import sql_use
from app.stderr import Stderr

UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
# What has no words of others in it; all else of a line is looked through.
PLAIN_EVENTS = frozenset({"request"})
PLAIN_FIELDS = frozenset({"level", "logger", "timestamp", "request_id", "release", "route", "user"})
UNMATCHED = "unmatched"

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
    access_log.configure(settings)
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
    return request.url_rule.rule if request.url_rule else UNMATCHED


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


# What the proxies stand for; to go through one for each attribute takes a microsecond each time.
_request: Any = cast(Any, request)._get_current_object  # noqa: SLF001 - Flask's own recipe
_state: Any = cast(Any, g)._get_current_object  # noqa: SLF001


class _Ids:
    """Names for requests that nginx has given none: the process's own and a number, no secret."""

    def __init__(self) -> None:
        self.numbers = itertools.count(1)
        self.rename()

    def rename(self) -> None:
        """Be told apart from the process that this one was forked from."""
        self.process = secrets.token_hex(4)


_ids = _Ids()
os.register_at_fork(after_in_child=_ids.rename)


def _begin() -> None:
    """Give the request a name, and begin to measure it."""
    given = _request().environ.get("HTTP_X_REQUEST_ID")
    if given is None or not REQUEST_ID.fullmatch(given):
        given = f"{_ids.process}-{next(_ids.numbers)}"
    known, use = _state().__dict__, sql_use()
    use.reset()
    known["request_id"], known["sql_use"] = given, use
    known["started"] = time.perf_counter()


def _finish(response: Response) -> Response:
    """Have the answer told of, and tell it what it is called."""
    asked, known = _request(), _state().__dict__
    seconds, use = time.perf_counter() - known["started"], known["sql_use"]
    count, waited = use.count, use.seconds
    asked_as, rule = known["request_id"], asked.url_rule
    # Known to be good: `add` would look at each letter again.
    response.headers._list.append(("X-Request-Id", asked_as))  # noqa: SLF001
    if known.get("is_staff"):
        total, of_sql = round(seconds * 1000, 1), round(waited * 1000, 1)
        told = f'total;dur={total}, db;dur={of_sql};desc="{count} statements"'
        response.headers["Server-Timing"] = told
    answer = (
        time.time(),
        asked_as,
        rule.endpoint if rule else None,
        asked.method,
        rule.rule if rule else UNMATCHED,
        response.status_code,
        seconds,
        count,
        waited,
        known.get("person"),
        known.get("cache"),
    )
    access_log.put_down(make_answer(answer))
    return response


def init_app(app: Flask, settings: Settings) -> None:
    """Give every request an id and every answer a log line."""
    configure_logging(settings)
    error_reports.configure(settings, _surroundings)
    app.log_exception = _log_crash  # type: ignore[method-assign]
    app.before_request(_begin)
    app.after_request(_finish)
