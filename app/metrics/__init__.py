"""What is counted, for /metrics: every name once, added up over all processes of the host.

Durations are seconds, sizes bytes. Label values come from fixed sets (endpoints, statuses, codes of
errors, names of tasks), never from what visitors send. Figures that are in the database, and those
of the machine, are looked up when somebody asks: see web/pages/metrics.py.
"""

from bisect import bisect_left
from collections import Counter as Counts
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

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
from app.metrics.shelf import Process, Value, are_shared, each_moment, processes, sample_with, share

__all__ = [
    "Process",
    "are_shared",
    "collect",
    "count_requests",
    "each_moment",
    "processes",
    "sample_with",
    "share",
]

_switch_off: Any = disable_created_metrics  # says nothing of types
_switch_off()
values.ValueClass = Value
registry = CollectorRegistry()

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
JOB_SECONDS = (0.05, 0.25, 1.0, 5.0, 15.0, 60.0, 300.0, 1800.0, 7200.0)
LAG_SECONDS = (0.1, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 1800.0)


class _Histogram(Histogram):
    """A histogram that takes many at a time."""

    def observe_all(self, amounts: Iterable[float]) -> None:
        """Add each of `amounts`."""
        found = Counts(bisect_left(self._upper_bounds, amount) for amount in amounts)
        for index, times in found.items():
            self._buckets[index].inc(times)
        self._sum.inc(sum(amounts))


def _counter(name: str, meaning: str, *labels: str) -> Counter:
    return Counter(f"triple_{name}", meaning, labels, registry=registry)


def _histogram(name: str, meaning: str, buckets: tuple[float, ...], *labels: str) -> _Histogram:
    return _Histogram(f"triple_{name}", meaning, labels, registry=registry, buckets=buckets)


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


class Answered(Protocol):
    """What is counted of an answer; `endpoint` is None where no address of ours was asked for."""

    @property
    def endpoint(self) -> str | None: ...
    @property
    def method(self) -> str: ...
    @property
    def status(self) -> int: ...
    @property
    def seconds(self) -> float: ...
    @property
    def sql_count(self) -> int: ...
    @property
    def sql_seconds(self) -> float: ...


def count_requests(answers: Iterable[Answered]) -> None:
    """Count answers: those of one kind are one step."""
    kinds: dict[tuple[str | None, str, int], list[Answered]] = {}
    for answer in answers:
        kinds.setdefault((answer.endpoint, answer.method, answer.status), []).append(answer)
    for (endpoint, method, status), those in kinds.items():
        name = endpoint or "unmatched"
        named = method if method in METHODS else "other"
        requests.labels(name, named, str(status)).inc(len(those))
        request_seconds.labels(name).observe_all([answer.seconds for answer in those])
        if statements := sum(answer.sql_count for answer in those):
            sql_statements.labels(name).inc(statements)
            sql_seconds.labels(name).inc(sum(answer.sql_seconds for answer in those))


def collect(directory: Path | None = None) -> Iterable[Metric]:
    """Return what all processes of the host have counted; without `share`, this process alone."""
    shelf.add_up()
    return shelf.read(directory) or registry.collect()
