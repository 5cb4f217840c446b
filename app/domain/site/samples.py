"""Samples of the counters over a day: taken by one process a host, read by the system page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import TextClause, delete, text

from app.clock import utcnow
from app.database import db
from app.domain.site.sample_models import SystemSample

KEPT_FOR = timedelta(days=1)
MOST_HOSTS = 50
# What is chosen is chosen by the small columns: the big one lies apart and is slow to unpack.
_SERIES = text("""
SELECT host, taken_at, figures - 'endpoints' AS figures FROM system_samples
WHERE id IN (
    SELECT DISTINCT ON (host, floor(extract(epoch FROM taken_at) / :step_seconds)) id
    FROM system_samples WHERE taken_at >= :since
    ORDER BY host, floor(extract(epoch FROM taken_at) / :step_seconds), taken_at DESC)
ORDER BY host, taken_at
""")
_EDGE = """
SELECT host, taken_at, figures FROM system_samples
WHERE id IN (
    SELECT DISTINCT ON (host) id FROM system_samples
    WHERE taken_at BETWEEN :since AND :until ORDER BY host, taken_at {order} LIMIT :hosts)
ORDER BY host
"""
_OLDEST, _NEWEST = (text(_EDGE.format(order=order)) for order in ("ASC", "DESC"))


@dataclass(frozen=True, slots=True)
class Sample:
    """What the counters of a host stood at."""

    host: str
    taken_at: datetime
    figures: dict[str, Any]


def add(host: str, figures: dict[str, Any]) -> None:
    """Keep a sample, and forget those of yesterday."""
    db.session.execute(delete(SystemSample).where(SystemSample.taken_at < utcnow() - KEPT_FOR))
    db.session.add(SystemSample(host=host, figures=figures))
    db.session.flush()


def series(since: datetime, step: timedelta) -> Sequence[Sample]:
    """Return each host's last sample in each step since then, less what it says of endpoints."""
    asked = {"since": since, "step_seconds": step.total_seconds()}
    return [Sample(*row) for row in db.session.execute(_SERIES, asked)]


def oldest(since: datetime, until: datetime) -> dict[str, Sample]:
    """Return the first sample of each host between two moments."""
    return _edge(_OLDEST, since, until)


def newest(since: datetime, until: datetime) -> dict[str, Sample]:
    """Return the last sample of each host between two moments."""
    return _edge(_NEWEST, since, until)


def _edge(query: TextClause, since: datetime, until: datetime) -> dict[str, Sample]:
    asked = {"since": since, "until": until, "hosts": MOST_HOSTS}
    return {row.host: Sample(*row) for row in db.session.execute(query, asked)}
