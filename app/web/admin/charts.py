"""Charts drawn on the server: what the SVG of a template needs, as numbers in its own units.

Money that came stands above the line, money that went hangs below it.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from app.domain.checkout.reports import Row, Span, Sums

HEIGHT = 120
STEP = 10
MOST_DAYS, MOST_WEEKS = 62, 371
MOST_TICKS = 4


@dataclass(frozen=True, slots=True)
class Bar:
    """The days from `first` to `last`; `x` is where it begins, the rest are heights."""

    first: date
    last: date
    x: int
    up: float
    down: float
    came_minor: int
    went_minor: int


@dataclass(frozen=True, slots=True)
class Chart:
    """The bars of one currency, `zero` below the top; `ticks` are amounts from top to bottom."""

    sums: Sums
    bars: tuple[Bar, ...]
    zero: float
    ticks: tuple[int, ...]

    @property
    def width(self) -> int:
        """How wide the drawing is."""
        return STEP * len(self.bars)

    @property
    def lines(self) -> tuple[float, ...]:
        """How far below the top the line of each tick is."""
        return tuple(HEIGHT * number / (len(self.ticks) - 1) for number in range(len(self.ticks)))


def revenue_charts(rows: Sequence[Row], totals: Sequence[Sums], span: Span) -> list[Chart]:
    """Return a chart for each currency, from rows by day."""
    return [_chart([row for row in rows if _is_of(row, sums)], sums, span) for sums in totals]


def _is_of(row: Row, sums: Sums) -> bool:
    return row.sums.currency == sums.currency


def _chart(rows: Sequence[Row], sums: Sums, span: Span) -> Chart:
    bins = list(_bins(span))
    came, went = dict.fromkeys(bins, 0), dict.fromkeys(bins, 0)
    by_day = {row.key: row.sums for row in rows}
    for days in bins:
        for day in _days(*days):
            found = by_day.get(day.isoformat())
            if found:
                came[days] += found.received_minor
                went[days] += found.refunded_minor + found.charged_back_minor
    ticks = _ticks(max(came.values()), max(went.values()))
    scale = HEIGHT / (ticks[0] - ticks[-1])
    bars = tuple(
        Bar(*days, number * STEP, came[days] * scale, went[days] * scale, came[days], went[days])
        for number, days in enumerate(bins)
    )
    return Chart(sums, bars, ticks[0] * scale, ticks)


def _bins(span: Span) -> Iterator[tuple[date, date]]:
    """Yield days, weeks or months, so that there is a readable number of bars."""
    first = span.first
    while first <= span.last:
        if span.days <= MOST_DAYS:
            last = first
        elif span.days <= MOST_WEEKS:
            last = first + timedelta(days=6 - first.weekday())
        else:
            after = (first.replace(day=28) + timedelta(days=4)).replace(day=1)
            last = after - timedelta(days=1)
        yield first, min(last, span.last)
        first = last + timedelta(days=1)


def _days(first: date, last: date) -> Iterator[date]:
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)


def _ticks(most_up: int, most_down: int) -> tuple[int, ...]:
    """Return round amounts from above the highest bar to below the lowest, evenly apart."""
    for step in _round_steps():
        above, below = max(-(-most_up // step), 1), -(-most_down // step)
        if above + below < MOST_TICKS:
            break
    return tuple(step * number for number in range(above, -below - 1, -1))


def _round_steps() -> Iterator[int]:
    """Yield 1, 2, 5, 10, 20 … in whole units of a currency."""
    for power in itertools.count(2):
        yield from (factor * 10**power for factor in (1, 2, 5))
