"""The counters of all processes as one set of sums, and what lies between two of them."""

import bisect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from prometheus_client import Metric

from app.metrics import SECONDS

BUCKETS = len(SECONDS) + 1
_HITS = frozenset({"hit", "hits"})


@dataclass(slots=True)
class Counts:
    """Answers, errors (5xx), seconds, statements, their seconds, and answers by duration."""

    requests: float = 0.0
    errors: float = 0.0
    seconds: float = 0.0
    statements: float = 0.0
    sql_seconds: float = 0.0
    buckets: list[float] = field(default_factory=lambda: [0.0] * BUCKETS)

    def add(self, other: "Counts") -> None:
        """Add another set of sums to this one."""
        for name in ("requests", "errors", "seconds", "statements", "sql_seconds"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.buckets = [a + b for a, b in zip(self.buckets, other.buckets, strict=True)]

    def since(self, before: "Counts") -> "Counts":
        """Return what came since; counters that began anew count from nothing."""
        if before.requests > self.requests:
            return self
        return Counts(
            self.requests - before.requests,
            max(0.0, self.errors - before.errors),
            max(0.0, self.seconds - before.seconds),
            max(0.0, self.statements - before.statements),
            max(0.0, self.sql_seconds - before.sql_seconds),
            [max(0.0, a - b) for a, b in zip(self.buckets, before.buckets, strict=True)],
        )

    def percentile(self, share: float) -> float | None:
        """Return within how many seconds that share was answered; None without answers.

        Between two bounds it is told by proportion; past the last one the last one is told.
        """
        total = sum(self.buckets)
        if not total:
            return None
        wanted, below = share * total, 0.0
        for number, count in enumerate(self.buckets[:-1]):
            if count and below + count >= wanted:
                low = SECONDS[number - 1] if number else 0.0
                return low + (SECONDS[number] - low) * (wanted - below) / count
            below += count
        return SECONDS[-1]

    def pack(self) -> list[float]:
        """Return it as a list, as samples keep it."""
        plain = (self.requests, self.errors, self.seconds, self.statements, self.sql_seconds)
        return [round(value, 4) for value in (*plain, *self.buckets)]


@dataclass(slots=True)
class Totals:
    """The sums of everything, of each endpoint, and of the application's cache."""

    every: Counts
    endpoints: dict[str, Counts]
    hits: float = 0.0
    misses: float = 0.0

    def add(self, other: "Totals") -> None:
        """Add what another host counted to this."""
        self.every.add(other.every)
        for name, counts in other.endpoints.items():
            self.endpoints.setdefault(name, Counts()).add(counts)
        self.hits, self.misses = self.hits + other.hits, self.misses + other.misses

    def since(self, before: "Totals") -> "Totals":
        """Return what came since; counters that began anew count from nothing."""
        has_begun_anew = self.hits < before.hits or self.misses < before.misses
        return Totals(
            self.every.since(before.every),
            {
                name: counts.since(before.endpoints.get(name, Counts()))
                for name, counts in self.endpoints.items()
            },
            self.hits - before.hits * (not has_begun_anew),
            self.misses - before.misses * (not has_begun_anew),
        )

    def pack(self) -> dict[str, Any]:
        """Return it as JSON, as samples keep it."""
        return {
            "every": self.every.pack(),
            "cache": [self.hits, self.misses],
            "endpoints": {name: counts.pack() for name, counts in self.endpoints.items()},
        }


def unpack(figures: dict[str, Any]) -> Totals:
    """Return what a sample keeps; what another release kept otherwise counts as nothing."""
    hits, misses = figures.get("cache", (0.0, 0.0))
    endpoints = {name: _counts(kept) for name, kept in figures.get("endpoints", {}).items()}
    return Totals(_counts(figures.get("every", ())), endpoints, hits, misses)


def _counts(kept: Sequence[float]) -> Counts:
    if len(kept) != 5 + BUCKETS:
        return Counts()
    requests, errors, seconds, statements, sql_seconds, *buckets = kept
    return Counts(requests, errors, seconds, statements, sql_seconds, buckets)


def read_totals(families: Iterable[Metric]) -> Totals:
    """Return the sums of what the processes of this host have counted."""
    totals = Totals(Counts(), {})
    for family in families:
        for sample in family.samples:
            if sample.name == "triple_cache_lookups_total":
                if sample.labels.get("outcome") in _HITS:
                    totals.hits += sample.value
                else:
                    totals.misses += sample.value
            elif (endpoint := sample.labels.get("endpoint")) is not None:
                counts = totals.endpoints.setdefault(endpoint, Counts())
                _take(counts, sample.name, sample.labels, sample.value)
    for counts in totals.endpoints.values():
        counts.buckets = _apart(counts.buckets)
        totals.every.add(counts)
    return totals


def _take(counts: Counts, name: str, labels: dict[str, str], value: float) -> None:
    if name == "triple_http_requests_total":
        counts.requests += value
        if labels["status"].startswith("5"):
            counts.errors += value
    elif name == "triple_http_request_seconds_sum":
        counts.seconds += value
    elif name == "triple_http_request_seconds_bucket":
        counts.buckets[bisect.bisect_left(SECONDS, float(labels["le"]))] += value
    elif name == "triple_sql_statements_total":
        counts.statements += value
    elif name == "triple_sql_seconds_total":
        counts.sql_seconds += value


def _apart(buckets: list[float]) -> list[float]:
    """Return how many lie in each bucket; Prometheus tells how many lie in it or below."""
    return [max(0.0, here - below) for here, below in zip(buckets, [0.0, *buckets], strict=False)]
