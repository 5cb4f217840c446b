"""A marker pen on a whiteboard: strokes and handwriting that appear as they are drawn."""

import itertools
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from app.demo.clips.canvas import Anchor, Canvas, Font, Span
from app.demo.clips.geometry import Point, capsule, partial, polyline

PEN_BODY = "#2B2B2F"
PEN_SHEEN = "#55555C"
LETTER_EM = 0.40  # mean advance of the handwriting face


@dataclass
class Marker:
    """Draws on `canvas` until `end` (seconds), a new state for every frame."""

    canvas: Canvas
    end: float
    frame_rate: int
    dice: random.Random = field(
        default_factory=lambda: random.Random(11)  # noqa: S311 - wobble, not secrets
    )

    def stroke(
        self,
        points: Sequence[Point],
        colour: str,
        start: float,
        seconds: float,
        *,
        thickness: float = 6.0,
        has_pen: bool = True,
        wobble: float = 1.6,
    ) -> float:
        """Draw a line through `points` in `seconds`; return when it is done."""
        path = self._by_hand(points, wobble)
        frames = max(1, round(seconds * self.frame_rate))
        for frame in range(frames):
            drawn = partial(path, (frame + 1) / frames)
            begin = start + frame / self.frame_rate
            step = Span(begin, begin + 1 / self.frame_rate, 0, 0)
            self.canvas.shape(polyline(drawn, thickness), colour, step, layer=3)
            if has_pen:
                self._pen(drawn[-1], colour, step)
        done = start + frames / self.frame_rate
        self.canvas.shape(polyline(path, thickness), colour, Span(done, self.end, 0, 0), layer=3)
        return done

    def write(
        self,
        at: Point,
        text: str,
        colour: str,
        start: float,
        *,
        size: float = 54.0,
        letters_per_second: float = 15.0,
        anchor: Anchor = Anchor.START,
    ) -> float:
        """Write `text` with its baseline at `at`; return when it is done."""
        width = len(text) * size * LETTER_EM
        left = at[0] - {Anchor.START: 0.0, Anchor.MIDDLE: width / 2, Anchor.END: width}[anchor]
        seconds = len(text) / letters_per_second
        top, bottom = at[1] - size * 1.2, at[1] + size * 0.6
        wipe = (
            f"\\clip({left - 8:.0f},{top:.0f},{left - 8:.0f},{bottom:.0f})"
            f"\\t(0,{seconds * 1000:.0f},"
            f"\\clip({left - 8:.0f},{top:.0f},{left + width * 1.25:.0f},{bottom:.0f}))"
        )
        writing = Span(start, self.end, 0, 0)
        self.canvas.text(
            at, text, Font.HAND, size, colour, writing, anchor=anchor, layer=4, extra=wipe
        )
        frames = round(seconds * self.frame_rate)
        for frame in range(frames):
            begin = start + frame / self.frame_rate
            x = left + width * 1.05 * frame / frames
            y = at[1] - size * 0.22 + size * 0.2 * math.sin(frame * 1.9)
            self._pen((x, y), colour, Span(begin, begin + 1 / self.frame_rate, 0, 0))
        return start + seconds

    def _by_hand(self, points: Sequence[Point], wobble: float) -> list[Point]:
        """Return the points with extra ones between, a little off the straight line."""
        result = [points[0]]
        for start, end in itertools.pairwise(points):
            pieces = max(1, round(math.dist(start, end) / 45))
            for piece in range(1, pieces + 1):
                share = piece / pieces
                result.append(
                    (
                        start[0] + (end[0] - start[0]) * share + self.dice.uniform(-wobble, wobble),
                        start[1] + (end[1] - start[1]) * share + self.dice.uniform(-wobble, wobble),
                    )
                )
        return result

    def _pen(self, tip: Point, colour: str, step: Span) -> None:
        """Lay the pen with its point at `tip`, leaning to the right, over its own shadow."""
        x, y = tip
        shadow = capsule((x + 26, y + 40), (x + 190, y + 168), 26)
        self.canvas.shape(shadow, "#000000", step, layer=8, extra="\\1a&HDC&\\blur8")
        self.canvas.shape(capsule((x + 3, y + 3), (x + 24, y + 26), 9), colour, step, layer=9)
        self.canvas.shape(capsule((x + 26, y + 29), (x + 54, y + 60), 22), colour, step, layer=9)
        self.canvas.shape(
            capsule((x + 58, y + 64), (x + 172, y + 190), 32), PEN_BODY, step, layer=9
        )
        sheen = capsule((x + 70, y + 66), (x + 170, y + 176), 5)
        self.canvas.shape(sheen, PEN_SHEEN, step, layer=9)
