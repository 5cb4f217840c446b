"""The code lecture, "Small functions": an editor, a terminal and three rules that light up."""

from app.demo.clips.brand import (
    STAGE,
    STAGE_DANGER,
    STAGE_INK,
    STAGE_INK_SOFT,
    STAGE_LINE,
    STAGE_RAISED,
    STAGE_SIGNAL,
    STAGE_STROKES,
    stroke,
)
from app.demo.clips.canvas import Canvas, Font, Span
from app.demo.clips.editor import Pane
from app.demo.clips.geometry import capsule, circle, rectangle, rounded
from app.demo.clips.narration import Narration

BACKGROUND = STAGE
CODE_LEFT = 116.0
CODE_SIZE = 25.0
CODE_TOP = 166.0
CODE_STEP = 38.0
RULES = (
    ("One name", "says what it gives"),
    ("One job", "returns, never prints"),
    ("One refusal", "early, in plain words"),
)


def _window(canvas: Canvas, whole: Span) -> None:
    canvas.shape(rounded(36, 36, 872, 648, 12), STAGE_RAISED, whole, layer=0)
    canvas.shape(rectangle(36, 92, 872, 1.5), STAGE_LINE, whole, layer=1)
    for index, colour in enumerate(STAGE_STROKES):
        canvas.shape(circle((66 + index * 24, 64), 6.5), colour, whole)
    canvas.shape(rectangle(36, 490, 872, 1.5), STAGE_LINE, whole, layer=1)
    canvas.text((64, 524), "Terminal", Font.STRONG, 17, STAGE_INK_SOFT, whole)
    for row in range(8):
        number = (64, CODE_TOP + row * CODE_STEP)
        canvas.text(number, str(row + 1), Font.MONO, 19, "#5B544C", whole)


def _tab(canvas: Canvas, index: int, name: str, whole: Span, active: list[Span]) -> None:
    x = 160 + index * 214
    canvas.text((x + 18, 71), name, Font.MONO, 18, STAGE_INK_SOFT, whole)
    for span in active:
        canvas.text((x + 18, 71), name, Font.MONO, 18, STAGE_INK, span, layer=6)
        canvas.shape(rectangle(x, 89, 196, 4), STAGE_SIGNAL, span, layer=3)


def _rail(canvas: Canvas, whole: Span, lit: tuple[float, float, float]) -> None:
    """Draw the three rules beside the window; each lights up at its moment and again at the end."""
    always = Span(0.3, whole.end, 300, 0)
    for index in range(3):
        canvas.shape(stroke((1086, 178), 84, index), STAGE_LINE, always)
        glow = Span(lit[index], whole.end, 500, 0)
        canvas.shape(stroke((1086, 178), 84, index), STAGE_STROKES[index], glow, layer=4)
    canvas.text((956, 336), "A function", Font.DISPLAY, 40, STAGE_INK, always)
    canvas.text((956, 380), "you can trust", Font.DISPLAY, 40, STAGE_INK, always)
    for index, (name, note) in enumerate(RULES):
        y = 452 + index * 82
        canvas.shape(capsule((964, y - 14), (964, y + 24), 8), STAGE_LINE, always)
        glow = Span(lit[index], whole.end, 400, 0)
        canvas.shape(capsule((964, y - 14), (964, y + 24), 8), STAGE_STROKES[index], glow, layer=4)
        canvas.text((988, y), name, Font.STRONG, 25, STAGE_INK, glow, rise=8)
        canvas.text((988, y + 29), note, Font.TEXT, 19, STAGE_INK_SOFT, glow.after(0.3))


def _mark(canvas: Canvas, row: int, columns: tuple[int, int], colour: str, span: Span) -> None:
    """Lay a marker behind some columns of a code row."""
    width = CODE_SIZE * 0.6
    y = CODE_TOP + row * CODE_STEP
    first, last = columns
    box = rounded(CODE_LEFT + first * width - 5, y - 27, (last - first) * width + 10, 37, 7)
    canvas.shape(box, colour, span, layer=2, extra="\\1a&HA8&")


def draw(narration: Narration) -> Canvas:
    """Draw the lecture along its narration."""
    canvas = Canvas()
    cue = narration.cues
    whole = Span(0.0, float(narration.duration), 0, 0)
    tests_at, back_at = cue[9].start - 0.3, cue[11].start - 0.5
    _window(canvas, whole)
    main = [Span(0.0, tests_at, 0, 0), Span(back_at, whole.end, 0, 0)]
    _tab(canvas, 0, "order.py", whole, main)
    _tab(canvas, 1, "test_order.py", whole.since(tests_at), [Span(tests_at, back_at, 0, 0)])
    title = Span(0.4, cue[1].start, 400, 300)
    canvas.text((CODE_LEFT, 262), "Small functions", Font.DISPLAY, 66, STAGE_INK, title, rise=16)
    subtitle = "From a calculation to something you can trust"
    canvas.text((CODE_LEFT, 316), subtitle, Font.TEXT, 27, STAGE_INK_SOFT, title.after(0.6))
    lit = (cue[4].at("Total"), cue[5].at("returns"), cue[8].at("refuses"))
    _rail(canvas, whole, lit)

    code = Pane(CODE_LEFT, CODE_TOP, CODE_STEP, CODE_SIZE, whole)
    terminal = Pane(64, 562, 34, 21, whole, STAGE_INK)
    _first_version(canvas, narration, code, terminal)
    _function(canvas, narration, code, terminal)
    final = [line.text for line in code.lines]
    code.clear(tests_at)
    _tests(narration, code, terminal, tests_at + 0.4)
    code.clear(back_at)
    code.type_all(final, back_at, 900.0)
    last = cue[11]
    for row, columns, word, colour in (
        (2, (4, 9), "One name", STAGE_STROKES[0]),
        (5, (4, 39), "one job", STAGE_STROKES[1]),
        (3, (4, 20), "one refusal", STAGE_STROKES[2]),
    ):
        _mark(canvas, row, columns, colour, Span(last.at(word), whole.end, 200, 0))
    code.draw(canvas)
    terminal.draw(canvas)
    return canvas


def _first_version(canvas: Canvas, narration: Narration, code: Pane, terminal: Pane) -> None:
    cue = narration.cues
    code.type(0, "price = 180", cue[1].at("price"), 12)
    code.type(1, "quantity = 3", cue[1].at("quantity"), 13)
    code.type(2, "print(price * quantity * 1.15)", cue[1].at("little") + 0.2, 22)
    terminal.type(0, "$ python order.py", cue[2].start, 20)
    terminal.type(1, "621.0", cue[2].at("prints"), 200)
    code.type(3, "print(95 * 12 * 1.15)", cue[3].at("next"), 22)
    code.type(4, "print(240 * 2 * 1.5)", cue[3].at("copying") + 0.6, 22)
    wrong = Span(cue[3].at("drift"), cue[4].start - 0.1, 150, 100)
    _mark(canvas, 4, (16, 19), STAGE_DANGER, wrong)
    canvas.text(
        (CODE_LEFT + 330, code.baseline(4)), "1.5 or 1.15?", Font.HAND, 34, STAGE_DANGER, wrong
    )
    code.clear(cue[4].start - 0.1)
    terminal.clear(cue[4].start - 0.1)


def _function(canvas: Canvas, narration: Narration, code: Pane, terminal: Pane) -> None:
    cue = narration.cues
    code.type(0, "def total(price, quantity):", cue[4].at("name"), 11)
    code.type(1, "    return price * quantity * 1.15", cue[5].start, 15)
    fact = cue[6].start
    code.type(0, "TAX = 0.15", fact, 9)
    code.type(1, "", fact + 1.3, 18)
    code.delete(3, cue[6].at("name") - 0.2)
    code.type(3, "    return price * quantity * (1 + TAX)", cue[6].at("name") - 0.2, 26)
    zero = cue[7].start
    terminal.type(0, ">>> total(180, 0)", zero + 0.2, 14)
    terminal.type(1, "0.0", zero + 1.8, 200)
    doubt = Span(zero + 2.0, cue[8].at("refuses"), 150, 100)
    canvas.text(
        (220, terminal.baseline(1)), "an order of nothing?", Font.HAND, 32, STAGE_DANGER, doubt
    )
    code.type(3, "    if quantity < 1:", cue[8].start + 0.2, 16)
    code.type(4, '        raise ValueError("order one or more")', cue[8].start + 1.7, 21)
    terminal.clear(cue[9].start - 0.3)


def _tests(narration: Narration, code: Pane, terminal: Pane, at: float) -> None:
    cue = narration.cues
    texts = [
        "def test_three_items_with_tax():",
        "    assert total(180, 3) == 621",
        "",
        "def test_nothing_is_refused():",
        "    with pytest.raises(ValueError):",
        "        total(180, 0)",
    ]
    letters = sum(len(text.strip()) for text in texts)
    code.type_all(texts, at, letters / (cue[10].start - at - 1.4))
    terminal.type(0, "$ pytest -q", cue[10].start, 14)
    terminal.type(1, "..", cue[10].at("Two") - 0.1, 6)
    terminal.type(2, "2 passed in 0.02s", cue[10].at("Two") + 0.3, 200)
