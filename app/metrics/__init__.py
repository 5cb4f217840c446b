"""What is counted, for /metrics: every name once, added up over all processes of the host.

Durations are seconds, sizes bytes. Label values come from fixed sets (endpoints, statuses, codes of
errors, names of tasks), never from what visitors send. Figures that are in the database, and those
of the machine, are looked up when somebody asks: see web/pages/metrics.py.
"""

import atexit
import os
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Metric,
    disable_created_metrics,
    values,
)

from app.metrics import shelf
from app.metrics.shelf import Process, Value, processes, sample_with, share

__all__ = ["Process", "collect", "count_request", "processes", "sample_with", "share"]

_switch_off: Any = disable_created_metrics  # says nothing of types
_switch_off()
values.ValueClass = Value
registry = CollectorRegistry()

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
JOB_SECONDS = (0.05, 0.25, 1.0, 5.0, 15.0, 60.0, 300.0, 1800.0, 7200.0)
LAG_SECONDS = (0.1, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 1800.0)


def _counter(name: str, meaning: str, *labels: str) -> Counter:
    return Counter(f"triple_{name}", meaning, labels, registry=registry)


def _histogram(name: str, meaning: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
    return Histogram(f"triple_{name}", meaning, labels, registry=registry, buckets=buckets)


requests = _counter(
    "http_requests", "Answers, by endpoint, method and status", "endpoint", "method", "status"
)
request_seconds = _histogram("http_request_seconds", "Time to an answer", SECONDS, "endpoint")
sql_statements = _counter("sql_statements", "Statements sent while answering", "endpoint")
sql_seconds = _counter("sql_seconds", "Time spent waiting for PostgreSQL", "endpoint")
cache_lookups = _counter("cache_lookups", "Look-ups in the application's cache", "cache", "outcome")
refusals = _counter("refusals", "Requests that were refused, by the code in the answer", "code")
sign_in_failures = _counter(
    "sign_in_failures", "Sign-ins that were refused, by what was shown", "proof"
)
playback_starts = _counter("playback_starts", "Streams that were begun")
client_errors = _counter("client_errors", "Errors that browsers told of", "kind")
job_seconds = _histogram("job_seconds", "Time a job took", JOB_SECONDS, "task", "outcome")
transcode_seconds = _histogram("transcode_seconds", "Time that a whole video took", JOB_SECONDS)
transcode_failures = _counter("transcode_failures", "Videos given up, by the reason", "code")
webhook_lag_seconds = _histogram(
    "webhook_lag_seconds", "From a gateway's event to its processing", LAG_SECONDS, "method"
)
pool_connections = Gauge(
    "triple_pool_connections",
    "Connections of a process's pool, by state",
    ["state"],
    registry=registry,
    multiprocess_mode="all",
)
METHODS = frozenset({"GET", "POST", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"})

MOST_UNCOUNTED = 500
_uncounted: deque[tuple[str | None, str, int, float, int, float]] = deque()
_answers: dict[tuple[str | None, str, int], Counter] = {}
_spent: dict[str | None, tuple[Histogram, Counter, Counter]] = {}


def count_request(
    endpoint: str | None, method: str, status: int, seconds: float, sql_count: int, sql_time: float
) -> None:
    """Count an answer; `endpoint` is None where no address of ours was asked for.

    It is put down here and added up within a second, many at a time: in between requests the code
    that adds would have to be fetched into the processor's cache each time, which costs ten times
    what it does.
    """
    _uncounted.append((endpoint, method, status, seconds, sql_count, sql_time))
    if len(_uncounted) >= MOST_UNCOUNTED:
        add_up()


def add_up() -> None:
    """Add up the answers that were put down."""
    with suppress(IndexError):
        while True:
            _add(*_uncounted.popleft())


def _add(
    endpoint: str | None, method: str, status: int, seconds: float, sql_count: int, sql_time: float
) -> None:
    answers = _answers.get((endpoint, method, status))
    if answers is None:
        named = method if method in METHODS else "other"
        answers = requests.labels(endpoint or "unmatched", named, str(status))
        if named == method:
            _answers[endpoint, method, status] = answers
    answers.inc()
    spent = _spent.get(endpoint)
    if spent is None:
        name = endpoint or "unmatched"
        spent = _spent[endpoint] = (
            request_seconds.labels(name),
            sql_statements.labels(name),
            sql_seconds.labels(name),
        )
    spent[0].observe(seconds)
    if sql_count:
        spent[1].inc(sql_count)
        spent[2].inc(sql_time)


def collect(directory: Path | None = None) -> Iterable[Metric]:
    """Return what all processes of the host have counted; without `share`, this process alone."""
    add_up()
    return shelf.read(directory) or registry.collect()


shelf.each_second(add_up)
atexit.register(add_up)
os.register_at_fork(after_in_child=_uncounted.clear)
