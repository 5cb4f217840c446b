"""The look shared by the clips: palette, the three-stroke motif and the frame of a lecture."""

import math

from app.demo.clips.canvas import Canvas, Span
from app.demo.clips.geometry import Path, Point, capsule

# The site's own tokens (light paper, and the dark stage of the learn page) as sRGB.
PAPER = "#FCF9F5"
SURFACE = "#FFFEFD"
SUNKEN = "#F4F0E8"
INK = "#221C16"
INK_SOFT = "#5B544C"
LINE = "#E1DCD4"
ACCENT = "#00545F"
ACCENT_SOFT = "#DCF0F3"
SIGNAL = "#DF861C"
SIGNAL_INK = "#894A08"
SIGNAL_SOFT = "#FDEBCF"
LEAF = "#2E7A50"
DANGER = "#A32226"
STAGE = "#0B0907"
STAGE_RAISED = "#1D1A17"
STAGE_LINE = "#383530"
STAGE_INK = "#EEEBE4"
STAGE_INK_SOFT = "#B5B0A9"
STAGE_ACCENT = "#73CFD4"
STAGE_SIGNAL = "#F3AA40"
STAGE_LEAF = "#7BD8A0"
STAGE_DANGER = "#FC9794"
STROKES = (ACCENT, SIGNAL, LEAF)
STAGE_STROKES = (STAGE_ACCENT, STAGE_SIGNAL, STAGE_LEAF)


def stroke(centre: Point, radius: float, index: int, thickness: float | None = None) -> Path:
    """Return stroke `index` (0-2) of the motif: three equal strokes turned by 120 degrees."""
    angle = math.radians(-90 + 120 * index)
    along = angle + math.radians(62)
    middle = (
        centre[0] + radius * 0.48 * math.cos(angle),
        centre[1] + radius * 0.48 * math.sin(angle),
    )
    half = radius * 0.62
    start = (middle[0] - half * math.cos(along), middle[1] - half * math.sin(along))
    end = (middle[0] + half * math.cos(along), middle[1] + half * math.sin(along))
    return capsule(start, end, thickness or radius * 0.34)


def motif(
    canvas: Canvas,
    centre: Point,
    radius: float,
    span: Span,
    *,
    stagger: float = 0.0,
    layer: int = 4,
) -> None:
    """Draw the three strokes, one `stagger` seconds after the other."""
    for index, colour in enumerate(STROKES):
        canvas.shape(
            stroke(centre, radius, index), colour, span.after(index * stagger), layer=layer
        )
