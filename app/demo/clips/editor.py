"""A code editor played in time: lines that are typed, inserted, deleted, moved and highlighted."""

import re
from dataclasses import dataclass, field

from app.demo.clips.brand import (
    STAGE_ACCENT,
    STAGE_INK,
    STAGE_INK_SOFT,
    STAGE_LEAF,
    STAGE_SIGNAL,
)
from app.demo.clips.canvas import Canvas, Font, Span, ass_colour, escape

TOKENS = re.compile(
    r"(?P<keyword>\b(?:def|return|if|raise|import|from|with|assert)\b)"
    r"|(?P<string>\"[^\"]*\"?|\b\d+ passed\b)"
    r"|(?P<number>\b\d+(?:\.\d+)?\b)"
    r"|(?P<call>\b[a-z_A-Z]+(?=\())"
    r"|(?P<prompt>^[$>]+ )"
)
COLOURS = {
    "keyword": STAGE_ACCENT,
    "string": STAGE_LEAF,
    "number": STAGE_SIGNAL,
    "call": "#E7C6F0",
    "prompt": STAGE_INK_SOFT,
}


def highlighted(code: str, plain: str = STAGE_INK) -> str:
    """Return `code` with colour commands, ready to be put into an event."""
    parts = []
    position = 0
    for match in TOKENS.finditer(code):
        colour = COLOURS[match.lastgroup or "call"]
        parts.append(escape(code[position : match.start()]))
        parts.append(f"{{\\1c{ass_colour(colour)}}}{escape(match.group())}")
        parts.append(f"{{\\1c{ass_colour(plain)}}}")
        position = match.end()
    return "".join(parts) + escape(code[position:])


@dataclass
class CodeLine:
    """A line of code: when it is typed and how fast, the rows it has had, when it goes away."""

    text: str
    typed_at: float
    letters_per_second: float
    rows: list[tuple[float, int]]
    gone_at: float | None = None

    @property
    def typed_until(self) -> float:
        return self.typed_at + len(self.text.strip()) / self.letters_per_second


@dataclass
class Pane:
    """A pane of monospaced text with its first baseline at `top`, living within `span`."""

    left: float
    top: float
    line_height: float
    size: float
    span: Span
    colour: str = STAGE_INK
    lines: list[CodeLine] = field(default_factory=list)
    all_lines: list[CodeLine] = field(default_factory=list)

    def type(self, row: int, text: str, at: float, letters_per_second: float = 18.0) -> CodeLine:
        """Insert `text` as line `row` (from 0), typed from `at` on; later lines move down."""
        line = CodeLine(text, at, letters_per_second, [(at, row)])
        self.lines.insert(row, line)
        self.all_lines.append(line)
        self._renumber(at)
        return line

    def type_all(self, texts: list[str], at: float, letters_per_second: float = 18.0) -> float:
        """Type `texts` below what is there, one after the other; return when it is done."""
        for text in texts:
            line = self.type(len(self.lines), text, at, letters_per_second)
            at = line.typed_until + 0.12
        return at

    def delete(self, row: int, at: float) -> None:
        """Remove line `row`; later lines move up."""
        self.lines.pop(row).gone_at = at
        self._renumber(at)

    def clear(self, at: float) -> None:
        """Remove everything."""
        while self.lines:
            self.lines.pop().gone_at = at

    def baseline(self, row: float) -> float:
        """Return the y of the baseline of `row`."""
        return self.top + row * self.line_height

    def _renumber(self, at: float) -> None:
        for row, line in enumerate(self.lines):
            if line.rows[-1][1] != row:
                line.rows.append((at, row))

    def draw(self, canvas: Canvas) -> None:
        """Put every state of every line on the canvas."""
        for line in self.all_lines:
            self._draw_typing(canvas, line)
            self._draw_standing(canvas, line)

    def _draw_typing(self, canvas: Canvas, line: CodeLine) -> None:
        indent = len(line.text) - len(line.text.lstrip())
        y = self.baseline(line.rows[0][1])
        for count in range(indent + 1, len(line.text) + 1):
            begin = line.typed_at + (count - indent - 1) / line.letters_per_second
            step = Span(begin, begin + 1 / line.letters_per_second, 0, 0)
            self._put(canvas, line.text[:count], y, y, step)
            x = self.left + count * self.size * 0.6
            canvas.text((x, y), "|", Font.MONO, self.size, STAGE_SIGNAL, step)

    def _draw_standing(self, canvas: Canvas, line: CodeLine) -> None:
        gone = self.span.end if line.gone_at is None else line.gone_at
        places = [(line.typed_until, line.rows[0][1])]
        places += [(max(at, line.typed_until), row) for at, row in line.rows[1:]]
        ends = [at for at, _ in places[1:]] + [gone]
        before = places[0][1]
        for (begin, row), end in zip(places, ends, strict=True):
            span = Span(begin, end, 0, 0)
            self._put(canvas, line.text, self.baseline(row), self.baseline(before), span)
            before = row

    def _put(self, canvas: Canvas, text: str, y: float, y_before: float, span: Span) -> None:
        canvas.markup(
            (self.left, y),
            highlighted(text, self.colour),
            Font.MONO,
            self.size,
            self.colour,
            span,
            y_before=y_before,
        )
