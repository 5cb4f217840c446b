"""Charts of a while, drawn on the server: what the hosts answered, summed up step by step."""

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.site import samples
from app.domain.site.samples import Sample
from app.web.admin.system_counts import Counts, unpack

HEIGHT = 100.0
WIDTH = 600.0
SPANS = {
    "hour": (timedelta(hours=1), timedelta(minutes=1)),
    "day": (timedelta(days=1), timedelta(minutes=15)),
}
LONGEST_GAP = 4  # steps; after that nobody counted


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a chart: where it goes, in the drawing's units, and what it says in figures."""

    path: str
    last: float | None
    least: float
    most: float


@dataclass(frozen=True, slots=True)
class Drawing:
    """Some lines over the same time; `top` is the figure at the upper edge."""

    name: str
    top: float
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Point:
    """A moment of the charts: what the hosts answered in the step before it."""

    at: datetime
    seconds: float
    counts: Counts
    hits: float
    misses: float


def points(span: str, now: datetime) -> list[Point]:
    """Return what the hosts answered in each step of the span, the first step first."""
    length, step = SPANS[span]
    hosts: dict[str, list[Sample]] = {}
    for sample in samples.series(now - length - step, step):
        hosts.setdefault(sample.host, []).append(sample)
    found: dict[int, Point] = {}
    for each in hosts.values():
        for before, after in itertools.pairwise(each):
            seconds = (after.taken_at - before.taken_at).total_seconds()
            if not 0 < seconds <= LONGEST_GAP * step.total_seconds():
                continue
            slot = int(after.taken_at.timestamp() // step.total_seconds())
            _put(found, slot, before, after, seconds)
    return [found[slot] for slot in sorted(found)]


def _put(found: dict[int, Point], slot: int, before: Sample, after: Sample, seconds: float) -> None:
    then, here = unpack(before.figures), unpack(after.figures)
    counts = here.every.since(then.every)
    hits, misses = max(0.0, here.hits - then.hits), max(0.0, here.misses - then.misses)
    if slot in found:  # of another host
        other = found[slot]
        counts.add(other.counts)
        hits, misses = hits + other.hits, misses + other.misses
        seconds = max(seconds, other.seconds)
    found[slot] = Point(after.taken_at, seconds, counts, hits, misses)


def drawings(shown: Sequence[Point], span: str, now: datetime) -> list[Drawing]:
    """Return the charts: answers, their time, PostgreSQL's part of it, the cache."""

    def line(read: Callable[[Point], float | None]) -> list[tuple[Point, float | None]]:
        return [(point, read(point)) for point in shown]

    kinds = {
        "requests": (
            line(lambda point: point.counts.requests / point.seconds),
            line(lambda point: point.counts.errors / point.seconds),
        ),
        "time": (
            line(lambda point: ms(point.counts.percentile(0.5))),
            line(lambda point: ms(point.counts.percentile(0.95))),
        ),
        "sql": (line(lambda point: _each(1000 * point.counts.sql_seconds, point)),),
        "cache": (line(_hit_percent),),
    }
    return [_drawing(name, lines, span, now) for name, lines in kinds.items()]


def _each(value: float, point: Point) -> float | None:
    return value / point.counts.requests if point.counts.requests else None


def _hit_percent(point: Point) -> float | None:
    looked = point.hits + point.misses
    return 100 * point.hits / looked if looked else None


def _drawing(
    name: str,
    lines: Iterable[list[tuple[Point, float | None]]],
    span: str,
    now: datetime,
) -> Drawing:
    lines = list(lines)
    values = [value for line in lines for _, value in line if value is not None]
    top = 100.0 if name == "cache" else _round_up(max(values, default=0.0))
    return Drawing(name, top, tuple(_line(line, top, span, now) for line in lines))


def _line(line: list[tuple[Point, float | None]], top: float, span: str, now: datetime) -> Line:
    length, step = SPANS[span]
    began = now - length
    path, is_down, previous = [], False, began
    for point, value in line:
        if value is None or point.at < began:
            is_down = False
            continue
        # A gap in time is a gap in the line: nobody counted then.
        is_down = is_down and point.at - previous <= LONGEST_GAP * step
        x = WIDTH * ((point.at - began) / length)
        y = HEIGHT * (1 - min(value, top) / top)
        path.append(f"{'L' if is_down else 'M'}{x:.1f} {y:.1f}" + ("" if is_down else "h0.1"))
        is_down, previous = True, point.at
    values = [value for _, value in line if value is not None]
    last = line[-1][1] if line else None
    return Line("".join(path), last, min(values, default=0.0), max(values, default=0.0))


def _round_up(value: float) -> float:
    """Return the next of 0.1, 0.2, 0.5, 1, 2, 5, 10 …"""
    power = 0.1
    while True:
        for factor in (1, 2, 5):
            if value <= factor * power:
                return factor * power
        power *= 10


def ms(seconds: float | None) -> float | None:
    """Return seconds as milliseconds."""
    return None if seconds is None else 1000 * seconds
