"""The whiteboard lecture, "One month on one page": bars, costs and what is left, drawn by hand."""

import math

from app.demo.clips.brand import ACCENT, DANGER, LEAF, SIGNAL, STROKES
from app.demo.clips.camera import View, camera, hold
from app.demo.clips.canvas import Anchor, Canvas, Font, Span
from app.demo.clips.geometry import Path, Point, capsule, rectangle, rounded
from app.demo.clips.marker import Marker
from app.demo.clips.narration import Cue, Narration

STAGE_SIZE = (1760, 990)
BACKGROUND = "#CFC7BA"
FRAME_RATE = 25
BOARD = "#FAF9F5"
PEN_INK = "#2A2A33"
BASELINE = 760.0
THOUSAND = 36.0
WEEKS = ((5, 280.0), (8, 440.0), (7, 600.0), (12, 760.0))
BAR_WIDTH = 96.0


def _room(canvas: Canvas, whole: Span) -> None:
    """Draw the wall, the board with its frame and the tray below it."""
    canvas.shape(rectangle(0, 905, 1760, 85), "#BDB4A5", whole, layer=0)
    shadow = rounded(74, 58, 1620, 862, 16)
    canvas.shape(shadow, "#000000", whole, layer=0, extra="\\1a&HC0&\\blur18")
    canvas.shape(rounded(62, 40, 1636, 862, 14), "#8E9498", whole, layer=0)
    canvas.shape(rounded(76, 54, 1608, 834, 6), BOARD, whole, layer=1)
    glare: Path = [[(76, 54), (640, 54), (240, 888), (76, 888)]]
    canvas.shape(glare, "#FFFFFF", whole, layer=1, extra="\\1a&H90&\\blur30")
    canvas.shape(rounded(560, 890, 640, 26, 8), "#A7ACAF", whole, layer=1)
    for index, colour in enumerate(STROKES):
        x = 640 + index * 150
        canvas.shape(capsule((x, 884), (x + 92, 884), 15), "#33343A", whole, layer=2)
        canvas.shape(capsule((x + 74, 884), (x + 98, 884), 15), colour, whole, layer=2)


def _cup(marker: Marker, at: Point, start: float) -> None:
    """Sketch a cup; its steam is three strokes."""
    x, y = at
    cup = [(x - 62, y), (x - 48, y + 74), (x - 30, y + 88), (x + 30, y + 88), (x + 48, y + 74)]
    now = marker.stroke([*cup, (x + 62, y), (x - 62, y)], PEN_INK, start, 0.9)
    handle = [(x + 58, y + 16), (x + 92, y + 18), (x + 94, y + 48), (x + 54, y + 56)]
    now = marker.stroke(handle, PEN_INK, now, 0.3)
    for index, colour in enumerate(STROKES):
        left = x - 34 + index * 34
        steam = [(left + 9 * math.sin(step * 0.7), y - 24 - step * 7) for step in range(9)]
        now = marker.stroke(steam, colour, now, 0.26, thickness=7, wobble=0.5)


def _axes(marker: Marker, start: float) -> None:
    now = marker.stroke([(220, 296), (220, BASELINE)], PEN_INK, start, 0.5)
    marker.stroke([(220, BASELINE), (930, BASELINE)], PEN_INK, now, 0.6)


def _bar(marker: Marker, week: int, start: float) -> None:
    """Draw the bar of `week` (0-3) with hatching and its value."""
    thousands, x = WEEKS[week]
    top = BASELINE - thousands * THOUSAND
    outline = [(x, BASELINE), (x, top), (x + BAR_WIDTH, top), (x + BAR_WIDTH, BASELINE)]
    now = marker.stroke(outline, ACCENT, start, 0.5)
    zigzag = [
        (x + (10 if index % 2 == 0 else BAR_WIDTH - 10), BASELINE - 12 - index * 14)
        for index in range(int(thousands * THOUSAND / 14) - 1)
    ]
    now = marker.stroke(zigzag, ACCENT, now, 0.42, thickness=3.4, wobble=1.0)
    middle = x + BAR_WIDTH / 2
    marker.write(
        (middle, top - 18),
        f"{thousands},000",
        ACCENT,
        now,
        size=42,
        letters_per_second=24,
        anchor=Anchor.MIDDLE,
    )
    span = Span(start, marker.end, 300, 0)
    at = (middle, BASELINE + 46)
    marker.canvas.text(at, f"week {week + 1}", Font.HAND, 36, PEN_INK, span, anchor=Anchor.MIDDLE)


def _costs(marker: Marker, heading: float, cue: Cue, total: Cue, left: Cue) -> None:
    marker.write((1150, 396), "Money out", DANGER, heading, size=60)
    rows = (
        ("coffee, milk", "12,000", "Coffee"),
        ("rent", "8,000", "rent"),
        ("wages", "7,000", "wages"),
    )
    for index, (name, amount, word) in enumerate(rows):
        y = 456 + index * 56
        done = marker.write((1170, y), name, PEN_INK, cue.at(word), size=46, letters_per_second=16)
        marker.write((1590, y), amount, PEN_INK, done, size=46, anchor=Anchor.END)
    rule = marker.stroke([(1450, 588), (1600, 588)], PEN_INK, total.start, 0.25, thickness=4)
    marker.write((1590, 640), "27,000", DANGER, rule, size=58, anchor=Anchor.END)
    marker.write((1150, 752), "What is left", LEAF, left.start, size=54)
    marker.write((1590, 752), "5,000", LEAF, left.at("Five"), size=66, anchor=Anchor.END)
    oval = [
        (1526 + 104 * math.cos(step * 0.21 - 2), 732 + 58 * math.sin(step * 0.21 - 2))
        for step in range(33)
    ]
    marker.stroke(oval, LEAF, left.at("birr"), 0.8, thickness=6)


def _weekly_cost(marker: Marker, divide: Cue, lost: Cue, hide: Cue) -> None:
    y = BASELINE - 6.75 * THOUSAND
    marker.write((946, y - 44), "27,000 ÷ 4", DANGER, divide.start, size=38)
    now = divide.at("draw")
    for dash in range(12):
        x = 232.0 + dash * 58
        now = marker.stroke([(x, y), (x + 38, y)], DANGER, now, 0.11, thickness=6, wobble=0.8)
    marker.write((946, y + 14), "6,750", DANGER, now, size=48)
    middle = WEEKS[0][1] + BAR_WIDTH / 2
    loop = [
        (middle + 92 * math.cos(step * 0.2 - 1.6), 646 + 176 * math.sin(step * 0.2 - 1.6))
        for step in range(34)
    ]
    marker.stroke(loop, SIGNAL, lost.at("below"), 1.0, thickness=7)
    marker.write((246, 420), "lost 1,750", SIGNAL, lost.at("lost"), size=54)
    smile = [(1170 + step * 14, 826 + 14 * math.sin(step * 0.35)) for step in range(28)]
    marker.stroke(smile, SIGNAL, hide.at("hide"), 0.7, thickness=5)


def _three_things(marker: Marker, cue: Cue) -> None:
    marks = ((1150, 310, "Money in"), (1150, 396, "money out"), (1150, 752, "what is left"))
    for (x, y, word), colour in zip(marks, (ACCENT, DANGER, LEAF), strict=True):
        marker.stroke([(x - 30, y - 44), (x - 30, y + 8)], colour, cue.at(word), 0.3, thickness=12)


def draw(narration: Narration) -> Canvas:
    """Draw the lecture along its narration."""
    canvas = Canvas(*STAGE_SIZE)
    cue = narration.cues
    whole = Span(0.0, float(narration.duration), 0, 0)
    _room(canvas, whole)
    marker = Marker(canvas, whole.end, FRAME_RATE)
    done = marker.write((170, 190), "One month of a coffee stall", PEN_INK, 0.8, size=82)
    _cup(marker, (1330, 150), done + 0.2)
    _axes(marker, cue[1].start)
    for week, word in enumerate(("Five", "eight", "seven", "twelve")):
        _bar(marker, week, cue[2].at(word))
    marker.write((1150, 310), "Money in", ACCENT, cue[3].start, size=60)
    marker.write((1590, 310), "32,000", ACCENT, cue[3].at("Thirty"), size=58, anchor=Anchor.END)
    _costs(marker, cue[4].start, cue[5], cue[6], cue[7])
    _weekly_cost(marker, cue[9], cue[10], cue[11])
    _three_things(marker, cue[12])
    return canvas


def picture(narration: Narration) -> str:
    """Return the filters between stage and encoder: the camera's way, and a lens's fall-off."""
    cue = narration.cues
    whole, chart = (880.0, 498.0, 1560.0), (650.0, 556.0, 1120.0)
    week = (612.0, 560.0, 990.0)
    views = (
        *hold(0.0, cue[0].end, *whole),
        *hold(cue[1].at("money"), cue[2].end, *chart),
        *hold(cue[3].at("Thirty"), cue[4].end, 1140, 470, 1280),
        View(cue[5].at("rent"), 1244, 524, 1130),
        View(cue[7].end, 1256, 548, 1000),
        *hold(cue[9].at("draw"), cue[10].start, 700, 560, 1180),
        *hold(cue[10].at("below"), cue[11].end, *week),
        *hold(cue[12].at("three"), float(narration.duration), *whole),
    )
    return f"{camera(views, FRAME_RATE)},vignette=angle=PI/9:dither=0"
