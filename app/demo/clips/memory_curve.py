"""The chart of the study lecture: what is remembered after one viewing, and after two returns."""

import itertools
import math

from app.demo.clips.brand import ACCENT, ACCENT_SOFT, INK_SOFT, SIGNAL, SIGNAL_INK
from app.demo.clips.canvas import Anchor, Canvas, Font, Span
from app.demo.clips.geometry import Point, circle, polyline, rectangle


def _forgetting(day: float, strength: float) -> float:
    return math.exp(-day / strength)


def _curve(returns: int) -> list[list[Point]]:
    """Return the memory curve over a week as pieces, one per return, in stage pixels."""
    pieces = []
    starts = [*[0.0, 1.0, 3.0, 7.0][: returns + 1], 7.0]
    for index, (start, end) in enumerate(itertools.pairwise(starts)):
        strength = (1.1, 3.2, 9.0, 20.0)[index]
        days = [start + (end - start) * step / 30 for step in range(31)]
        pieces.append(
            [(220 + day * 128, 590 - 310 * _forgetting(day - start, strength)) for day in days]
        )
    return pieces


def _draw(canvas: Canvas, points: list[Point], colour: str, thickness: float, span: Span) -> None:
    """Draw a curve from left to right over 1.4 s."""
    low, high = points[0][0] - 10, points[-1][0] + 10
    wipe = f"\\clip({low:.0f},200,{low:.0f},640)\\t(0,1400,\\clip({low:.0f},200,{high:.0f},640))"
    canvas.shape(polyline(points, thickness), colour, span, extra=wipe)


def draw_memory(canvas: Canvas, span: Span, fade: float, back: float) -> None:
    """Draw the axes, then forgetting from `fade` on, then two returns from `back` on (seconds)."""
    canvas.shape(polyline([(220, 250), (220, 590), (1150, 590)], 3), INK_SOFT, span)
    canvas.text((112, 262), "What you", Font.TEXT, 22, INK_SOFT, span)
    canvas.text((112, 290), "remember", Font.TEXT, 22, INK_SOFT, span)
    for day in range(8):
        name = "today" if day == 0 else f"day {day}"
        at = (220 + day * 128, 624)
        canvas.text(at, name, Font.TEXT, 20, INK_SOFT, span, anchor=Anchor.MIDDLE)
    _draw(canvas, _curve(0)[0], SIGNAL, 6, span.since(fade))
    canvas.text((500, 522), "one viewing", Font.STRONG, 22, SIGNAL_INK, span.since(fade + 1.2))
    for index, piece in enumerate(_curve(2)):
        begin = span.since(back + index * 1.3)
        _draw(canvas, piece, ACCENT, 6, begin)
        if index:
            x = piece[0][0]
            drop = (590 - piece[0][1]) / 6
            for dash in range(6):
                y = piece[0][1] + dash * drop
                canvas.shape(rectangle(x - 1, y, 2, drop * 0.5), ACCENT_SOFT, begin, layer=1)
            canvas.shape(circle(piece[0], 10), ACCENT, begin, layer=4)
    label = span.since(back + 3.4)
    canvas.text((790, 268), "with two short returns", Font.STRONG, 22, ACCENT, label)
