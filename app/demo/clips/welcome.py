"""The slides lecture, "How to study here": watch, try, explain, on seven animated slides."""

import itertools

from app.demo.clips.brand import (
    ACCENT,
    ACCENT_SOFT,
    INK,
    INK_SOFT,
    LEAF,
    LINE,
    PAPER,
    SIGNAL,
    SIGNAL_INK,
    SIGNAL_SOFT,
    STROKES,
    SUNKEN,
    SURFACE,
    motif,
    stroke,
)
from app.demo.clips.canvas import Anchor, Canvas, Font, Span
from app.demo.clips.geometry import (
    Point,
    capsule,
    circle,
    rectangle,
    ring,
    rounded,
)
from app.demo.clips.memory_curve import draw_memory
from app.demo.clips.narration import Cue, Narration

BACKGROUND = PAPER
HABITS = ("Watch", "Try", "Explain")
LEFT = 112.0


def _frame(canvas: Canvas, whole: Span, narration: Narration) -> None:
    """Draw what stays: the small mark, the course line and a progress rule."""
    motif(canvas, (130, 64), 16, whole)
    canvas.text((160, 70), "Start here", Font.STRONG, 19, INK, whole)
    canvas.text((1168, 70), "How to study", Font.TEXT, 19, INK_SOFT, whole, anchor=Anchor.END)
    canvas.shape(rectangle(LEFT, 660, 1056, 2), LINE, whole)
    milliseconds = narration.duration * 1000
    grow = f"\\clip(112,655,112,670)\\t(0,{milliseconds},\\clip(112,655,1168,670))"
    canvas.shape(rectangle(LEFT, 659, 1056, 4), ACCENT, whole, extra=grow)


def _heading(canvas: Canvas, number: int | None, text: str, span: Span) -> None:
    x = LEFT
    if number is not None:
        canvas.shape(capsule((LEFT + 8, 128), (LEFT + 8, 172), 12), STROKES[number], span)
        x += 36
    canvas.text((x, 168), text, Font.DISPLAY, 50, INK, span, rise=14)


def _habits_at(cue: Cue) -> tuple[float, float, float]:
    return (cue.at("Watch"), cue.at("try"), cue.at("explain"))


def _title(canvas: Canvas, span: Span) -> None:
    canvas.text((LEFT, 330), "How to study here", Font.DISPLAY, 68, INK, span, rise=20)
    canvas.text(
        (LEFT + 2, 392),
        "Short lessons, your own pace, three habits",
        Font.TEXT,
        30,
        INK_SOFT,
        span.after(0.7),
        rise=14,
    )
    canvas.shape(capsule((LEFT + 4, 440), (LEFT + 150, 440), 5), SIGNAL, span.after(1.2))
    for index, colour in enumerate(STROKES):
        begin = span.after(0.5 + index * 0.45)
        spin = f"\\org(1000,345)\\frz{40 - 8 * index}\\t(0,900,0.5,\\frz0)"
        canvas.shape(stroke((1000, 345), 140, index), colour, begin, extra=spin)


def _habit_icon(canvas: Canvas, index: int, centre: Point, span: Span) -> None:
    x, y = centre
    colour = STROKES[index]
    if index == 0:
        canvas.shape(ring(centre, 44, 9), colour, span)
        canvas.shape([[(x - 14, y - 22), (x + 24, y), (x - 14, y + 22)]], colour, span)
    elif index == 1:
        canvas.shape(capsule((x - 34, y + 34), (x + 26, y - 26), 22), colour, span)
        canvas.shape([[(x - 56, y + 56), (x - 44, y + 22), (x - 22, y + 44)]], colour, span)
        canvas.shape(capsule((x - 10, y + 54), (x + 52, y + 54), 7), colour, span)
    else:
        bubble = rounded(x - 54, y - 46, 108, 78, 26)
        bubble.append([(x - 26, y + 24), (x + 6, y + 24), (x - 30, y + 58)])
        canvas.shape(bubble, colour, span)
        for row, width in enumerate((60, 38)):
            bar = capsule((x - 30, y - 18 + row * 24), (x - 30 + width, y - 18 + row * 24), 8)
            canvas.shape(bar, PAPER, span, layer=3)


def _three(canvas: Canvas, span: Span, words: tuple[float, float, float]) -> None:
    _heading(canvas, None, "Three habits", span)
    notes = ("with a question in mind", "before it feels comfortable", "in two plain sentences")
    for index, (habit, note) in enumerate(zip(HABITS, notes, strict=True)):
        x = LEFT + index * 360
        waiting = Span(span.start + 0.3 * index, span.end)
        card = waiting.since(waiting.start + 0.4)
        canvas.shape(rounded(x, 232, 336, 350, 14), SUNKEN, card)
        lit = span.since(max(words[index], card.start + 0.1))
        canvas.shape(rectangle(x, 576, 336, 6), STROKES[index], lit, layer=3)
        _habit_icon(canvas, index, (x + 92, 332), lit)
        canvas.text((x + 34, 476), habit, Font.DISPLAY, 42, INK, lit, rise=12)
        canvas.text((x + 35, 520), note, Font.TEXT, 23, INK_SOFT, lit.after(0.25))


def _typed(canvas: Canvas, at: Point, text: str, span: Span, rate: float = 16.0) -> None:
    """Write `text` letter by letter in a hand, with what is written staying until the span ends."""
    for count in range(1, len(text) + 1):
        begin = span.start + (count - 1) / rate
        end = span.end if count == len(text) else span.start + count / rate
        if text[count - 1] == " " and count < len(text):
            continue
        first = begin if count == 1 or text[count - 2] != " " else begin - 1 / rate
        step = Span(first, end, 0, span.fade_out if count == len(text) else 0)
        canvas.text(at, text[:count], Font.HAND, 38, ACCENT, step)


def _watch(canvas: Canvas, span: Span, ask: float, pause: float) -> None:
    _heading(canvas, 0, "Watch with a question", span)
    for row, (line, begin) in enumerate(
        (
            ("Write one question before you press play", span.start + 1.2),
            ("Pause when something surprises you", pause),
            ("The pause is where the thinking happens", pause + 2.2),
        )
    ):
        item = span.since(begin)
        canvas.shape(circle((LEFT + 8, 268 + row * 62), 6), SIGNAL, item)
        canvas.text((LEFT + 34, 277 + row * 62), line, Font.TEXT, 28, INK, item, rise=10)
    card = span.after(0.5)
    canvas.shape(rounded(780, 220, 388, 372, 10), SURFACE, card)
    canvas.shape(rectangle(780, 220, 388, 372), LINE, card, layer=1)
    for row in range(5):
        canvas.shape(rectangle(816, 330 + row * 56, 316, 1.5), ACCENT_SOFT, card, layer=3)
    canvas.text((816, 276), "My question", Font.STRONG, 22, INK_SOFT, card)
    _typed(canvas, (818, 324), "After this lesson,", span.since(ask), 15)
    _typed(canvas, (818, 380), "what can I do that", span.since(ask + 1.4), 15)
    _typed(canvas, (818, 436), "I could not before?", span.since(ask + 2.8), 15)
    beat = span.since(pause)
    canvas.shape(circle((974, 528), 40), SIGNAL, beat, layer=4)
    for x in (962, 986):
        canvas.shape(capsule((x, 514), (x, 542), 9), PAPER, beat, layer=5)


def _try(canvas: Canvas, span: Span, close: float) -> None:
    _heading(canvas, 1, "Try it early", span)
    canvas.text(
        (LEFT, 236), "A twenty-minute lesson, as we suggest it", Font.TEXT, 28, INK_SOFT, span
    )
    x = LEFT
    parts = ((8, "Watch", ACCENT), (9, "Try", SIGNAL), (3, "Explain", LEAF))
    for index, (minutes, name, colour) in enumerate(parts):
        width = minutes * 52.8
        begin = span.after(0.6 + index * 0.9)
        grow = (
            f"\\clip({x:.0f},280,{x:.0f},400)\\t(0,800,\\clip({x:.0f},280,{x + width - 6:.0f},400))"
        )
        canvas.shape(rounded(x, 292, width - 8, 92, 10), colour, begin, extra=grow)
        label = begin.after(0.45)
        canvas.text((x + 22, 346), name, Font.STRONG, 27, PAPER, label)
        canvas.text((x + 2, 424), f"{minutes} min", Font.TEXT, 23, INK_SOFT, label)
        x += width
    steps = ("Close the lesson", "Do the smallest version", "Then look again")
    for index, step in enumerate(steps):
        item = span.since(close + index * 1.5)
        centre = (LEFT + 26 + index * 352, 536)
        canvas.shape(circle(centre, 26), SIGNAL_SOFT, item)
        number = (centre[0], centre[1] + 9)
        canvas.text(number, str(index + 1), Font.STRONG, 26, SIGNAL_INK, item, anchor=Anchor.MIDDLE)
        canvas.text((centre[0] + 42, 545), step, Font.STRONG, 25, INK, item, rise=8)


def _explain(canvas: Canvas, span: Span, enough: float, stuck: float) -> None:
    _heading(canvas, 2, "Explain it to someone", span)
    bubble = rounded(LEFT, 226, 700, 270, 30)
    bubble.append([(200, 480), (280, 480), (190, 552)])
    canvas.shape(bubble, SUNKEN, span.after(0.4))
    first, second = "It works because memory fades,", "and a short return"
    begin = span.since(span.start + 1.0)
    _typed(canvas, (160, 304), first, begin, 15)
    later = span.since(max(enough, begin.start + len(first) / 15 + 0.2))
    _typed(canvas, (160, 366), second, later, 15)
    gap = span.since(stuck)
    canvas.shape(rounded(412, 332, 250, 48, 8), SIGNAL_SOFT, gap, layer=3)
    canvas.text((432, 366), "does what, exactly?", Font.HAND, 36, SIGNAL_INK, gap)
    canvas.text((160, 440), "Two plain sentences", Font.STRONG, 24, INK_SOFT, span.since(enough))
    note = span.since(stuck + 1.6)
    canvas.text((868, 330), "The gap is", Font.DISPLAY, 38, INK, note, rise=10)
    canvas.text((868, 378), "your next step", Font.DISPLAY, 38, INK, note, rise=10)
    canvas.shape(capsule((872, 414), (1012, 414), 5), LEAF, note.after(0.4))


def _closing(
    canvas: Canvas, span: Span, words: tuple[float, float, float], farewell: float
) -> None:
    for index, (habit, begin) in enumerate(zip(HABITS, words, strict=True)):
        lit = span.since(begin)
        canvas.shape(stroke((330, 350), 150, index), STROKES[index], lit)
        canvas.text((600, 270 + index * 92), habit, Font.DISPLAY, 66, STROKES[index], lit, rise=16)
    last = span.since(farewell)
    canvas.text((602, 540), "Your place is saved.", Font.TEXT, 28, INK_SOFT, last)
    canvas.text((602, 580), "See you in the next lesson.", Font.TEXT, 28, INK_SOFT, last.after(2.0))


def draw(narration: Narration) -> Canvas:
    """Draw the lecture along its narration."""
    canvas = Canvas()
    cues = narration.cues
    cuts = [0.2, cues[1].start, cues[3].start, cues[5].start]
    cuts += [cues[7].start, cues[9].start, cues[11].start, float(narration.duration)]
    slides = [Span(a - 0.1, b - 0.25) for a, b in itertools.pairwise(cuts)]
    closing = Span(slides[6].start, float(narration.duration), 220, 0)
    _frame(canvas, Span(0.0, float(narration.duration), 0, 0), narration)
    _title(canvas, slides[0])
    _three(canvas, slides[1], _habits_at(cues[2]))
    _watch(canvas, slides[2], cues[3].at("write"), cues[4].start)
    _try(canvas, slides[3], cues[6].start)
    _heading(canvas, None, "Why the second look matters", slides[4])
    draw_memory(canvas, slides[4], cues[7].at("After"), cues[8].start)
    _explain(canvas, slides[5], cues[9].at("Two"), cues[10].start)
    ending = _habits_at(cues[11])
    _closing(canvas, closing, ending, cues[12].start)
    return canvas
