"""Structured logs, the request id, error reports. No token, query or address is ever logged."""

import hashlib
import logging
import re
import secrets
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any, TextIO, cast

import structlog
from flask import Flask, Response, g, has_request_context, request
from sqlalchemy import Engine, event

from app import metrics
from app.config import LogFormat, Settings

REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
LINK_TOKEN = re.compile(r"(/auth/(?:reset|verify/old-email|verify/new-email|verify)/)[^/]+")
QUIET_ENDPOINTS = frozenset({"static", "pages.live", "pages.ready", "pages.health", "pages.metrics"})

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


def configure_logging(settings: Settings) -> None:
    """Send every log record to stderr, one line each: JSON, or text for a terminal.

    Our own events are rendered and written at once (25 us); the standard library's records, which
    are few, take the detour over its handlers (300 us).
    """
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_request_id,
    ]
    renderer: Any = structlog.dev.ConsoleRenderer(colors=False)
    if settings.log_format is LogFormat.JSON:
        shared.append(structlog.processors.format_exc_info)
        renderer = structlog.processors.JSONRenderer()
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
        *("python_http_client", "stripe"),
    ):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))


def _scrub(event: Any, _: Any) -> Any:
    """Drop what must never leave the house from a Sentry event."""
    for part in ("query_string", "cookies", "headers", "data", "env"):
        event.get("request", {}).pop(part, None)
    if url := event.get("request", {}).get("url"):
        event["request"]["url"] = LINK_TOKEN.sub(r"\1-", url.split("?", 1)[0])
    event.pop("user", None)
    return event


def configure_sentry(settings: Settings) -> None:
    """Report unhandled errors to Sentry when a DSN is set; the SDK is only imported then."""
    if not settings.sentry_dsn:
        return
    import sentry_sdk  # noqa: PLC0415 - costs 0.1 s of boot, so only where it is used

    sentry_sdk.init(
        dsn=settings.sentry_dsn,
        environment=settings.app_env.value,
        before_send=_scrub,
        traces_sample_rate=0.0,
    )


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
    given = request.headers.get("X-Request-Id", "")
    g.request_id = given if REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
    g.started = time.perf_counter()
    sql_use.reset()


def _finish(response: Response) -> Response:
    response.headers["X-Request-Id"] = g.get("request_id", "")
    seconds = time.perf_counter() - g.started
    metrics.count_request(
        request.endpoint,
        request.method,
        response.status_code,
        seconds,
        sql_use.count,
        sql_use.seconds,
    )
    duration_ms = round(seconds * 1000, 1)
    sql_ms = round(sql_use.seconds * 1000, 1)
    if g.get("is_staff"):
        timing = f'total;dur={duration_ms}, db;dur={sql_ms};desc="{sql_use.count} statements"'
        response.headers["Server-Timing"] = timing
    if request.endpoint in QUIET_ENDPOINTS and response.status_code < 500:
        return response
    log.info(
        "request",
        logger="web",
        method=request.method,
        route=request.url_rule.rule if request.url_rule else "unmatched",
        status=response.status_code,
        duration_ms=duration_ms,
        sql_count=sql_use.count,
        sql_ms=sql_ms,
        user=g.get("person"),
        **({"cache": g.cache} if "cache" in g else {}),
    )
    return response


def init_app(app: Flask, settings: Settings) -> None:
    """Give every request an id and every answer a log line."""
    configure_logging(settings)
    configure_sentry(settings)
    app.before_request(_begin)
    app.after_request(_finish)
