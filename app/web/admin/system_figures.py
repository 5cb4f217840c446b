"""What the system page shows of answers: rates now, charts of a while, endpoints, processes."""

import platform
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from prometheus_client import Metric

from app import metrics
from app.clock import utcnow
from app.domain.site import samples
from app.web.admin.system_charts import SPANS, drawings, ms, points
from app.web.admin.system_counts import Counts, Totals, read_totals, unpack
from app.web.admin.system_sampling import EVERY_SECONDS

LATELY = timedelta(minutes=5)
EVERY = timedelta(seconds=EVERY_SECONDS)
SHORTEST = timedelta(seconds=5)
MOST_ENDPOINTS = 15


@dataclass(frozen=True, slots=True)
class Lately:
    """What was answered since `since`, and by the second; `since` is None for ever."""

    counts: Counts
    seconds: float | None
    hits: float
    misses: float

    @property
    def per_second(self) -> float | None:
        """How many answers a second."""
        return self.counts.requests / self.seconds if self.seconds else None

    @property
    def error_share(self) -> float:
        """Which share of the answers were errors of ours."""
        return self.counts.errors / self.counts.requests if self.counts.requests else 0.0

    @property
    def p50_ms(self) -> float | None:
        """Within how many milliseconds half of the answers were given."""
        return ms(self.counts.percentile(0.5))

    @property
    def p95_ms(self) -> float | None:
        """Within how many milliseconds nineteen of twenty answers were given."""
        return ms(self.counts.percentile(0.95))

    @property
    def sql_ms(self) -> float | None:
        """How long an answer waited for PostgreSQL."""
        return (
            1000 * self.counts.sql_seconds / self.counts.requests if self.counts.requests else None
        )

    @property
    def hit_share(self) -> float | None:
        """Which share of what was looked for the cache had; None when nothing was."""
        looked = self.hits + self.misses
        return self.hits / looked if looked else None


@dataclass(frozen=True, slots=True)
class EndpointRow:
    """What was answered at an endpoint of late."""

    name: str
    counts: Counts
    per_minute: float | None
    p50_ms: float | None
    p95_ms: float | None


@dataclass(frozen=True, slots=True)
class ProcessRow:
    """A process of this host and the memory it holds."""

    place: str
    pid: int
    resident_bytes: int


def lately(totals: Totals, now: datetime) -> tuple[Lately, list[EndpointRow]]:
    """Return what was answered within some minutes, on all hosts, and by endpoint.

    A host without a sample to compare with counts only where no host has one: with all it has.
    """
    since, until = now - LATELY - EVERY, now - SHORTEST
    first, last = samples.oldest(since, until), samples.newest(since, until)
    hosts = {host: (unpack(sample.figures), sample.taken_at) for host, sample in last.items()}
    hosts[platform.node()] = (totals, now)
    recent = Totals(Counts(), {})
    seconds = 0.0
    for host, (here, moment) in hosts.items():
        if there := first.get(host):
            recent.add(here.since(unpack(there.figures)))
            seconds = max(seconds, (moment - there.taken_at).total_seconds())
        elif not first:
            recent.add(here)
    rows = [_row(name, counts, seconds) for name, counts in recent.endpoints.items()]
    rows = [row for row in rows if row.counts.requests]
    rows.sort(key=lambda row: -row.counts.seconds)
    shown = Lately(recent.every, seconds or None, recent.hits, recent.misses)
    return shown, rows[:MOST_ENDPOINTS]


def _row(name: str, counts: Counts, seconds: float) -> EndpointRow:
    return EndpointRow(
        name,
        counts,
        60 * counts.requests / seconds if seconds else None,
        ms(counts.percentile(0.5)),
        ms(counts.percentile(0.95)),
    )


def list_processes() -> list[ProcessRow]:
    """Return the processes of this host, or of this container, that count, and their memory."""
    rows = []
    for process in (each for each in metrics.processes() if each.is_near):
        try:
            status = (Path("/proc") / str(process.pid) / "status").read_text()
        except OSError:  # it ended this moment
            continue
        kilobytes = next((x.split()[1] for x in status.splitlines() if x[:6] == "VmRSS:"), "0")
        rows.append(ProcessRow(process.place, process.pid, int(kilobytes) * 1024))
    return rows


def read(span: str) -> dict[str, Any]:
    """Return all that the template of the figures asks for."""
    now = utcnow()
    families: list[Metric] = list(metrics.collect())
    recent, endpoints = lately(read_totals(families), now)
    shown = points(span, now)
    return {
        "recent": recent,
        "endpoints": endpoints,
        "drawings": drawings(shown, span, now) if len(shown) > 1 else [],
        "span": span,
        "began": now - SPANS[span][0],
        "processes": list_processes(),
        "pool": _pool(families),
    }


def _pool(families: Iterable[Metric]) -> dict[str, float]:
    """Return how many connections to the database are in use, and how many there may be."""
    found: dict[str, float] = {}
    for family in families:
        for sample in family.samples:
            if sample.name == "triple_pool_connections":
                state = sample.labels["state"]
                found[state] = found.get(state, 0.0) + sample.value
    return found
