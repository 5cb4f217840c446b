"""A stage of timed text and vector shapes, written as an ASS script that ffmpeg's libass draws."""

from dataclasses import dataclass, field
from enum import Enum

from app.demo.clips.geometry import Path


class Font(Enum):
    """A vendored face: family name, line height and ascent in em (from its OS/2 table)."""

    DISPLAY = ("Lecture Display", 1.4285, 1.163)
    TEXT = ("Lecture Text", 1.303, 1.0)
    STRONG = ("Lecture Strong", 1.303, 1.0)
    MONO = ("Lecture Mono", 1.32, 1.02)
    HAND = ("Lecture Hand", 1.289, 0.974)

    @property
    def family(self) -> str:
        return self.value[0]

    @property
    def line_height(self) -> float:
        return self.value[1]

    @property
    def ascent(self) -> float:
        return self.value[2]


class Anchor(Enum):
    """Which end of the text sits at x."""

    START = 7
    MIDDLE = 8
    END = 9


@dataclass(frozen=True)
class Span:
    """From when to when something shows, in seconds, with fades in and out in milliseconds."""

    start: float
    end: float
    fade_in: int = 220
    fade_out: int = 160

    def after(self, seconds: float) -> "Span":
        """Return the same span begun later by `seconds`."""
        return Span(self.start + seconds, self.end, self.fade_in, self.fade_out)

    def since(self, start: float) -> "Span":
        """Return the same span begun at `start`."""
        return Span(start, self.end, self.fade_in, self.fade_out)

    @property
    def fade(self) -> str:
        return f"\\fad({self.fade_in},{self.fade_out})" if self.fade_in or self.fade_out else ""


HEADER = """[Script Info]
ScriptType: v4.00+
PlayResX: {width}
PlayResY: {height}
ScaledBorderAndShadow: yes
WrapStyle: 2
YCbCr Matrix: None

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, \
Bold, Italic, Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, \
Shadow, Alignment, MarginL, MarginR, MarginV, Encoding
Style: S,Lecture Text,20,&H00FFFFFF,&H00FFFFFF,&H00000000,&H00000000,\
0,0,0,0,100,100,0,0,1,0,0,7,0,0,0,1

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""


def ass_colour(colour: str) -> str:
    """Return "#RRGGBB" the way ASS writes it."""
    red, green, blue = colour[1:3], colour[3:5], colour[5:7]
    return f"&H{blue}{green}{red}&".upper()


def _time(seconds: float) -> str:
    centiseconds = max(0, round(seconds * 100))
    minutes, rest = divmod(centiseconds, 6000)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest // 100:02d}.{rest % 100:02d}"


def _drawing(path: Path) -> str:
    """Return drawing commands in eighths of a pixel."""
    parts = []
    for polygon in path:
        points = [f"{round(x * 8)} {round(y * 8)}" for x, y in polygon]
        parts.append(f"m {points[0]} l {' '.join(points[1:])}")
    return " ".join(parts)


def escape(text: str) -> str:
    """Return `text` with what libass would read as commands neutralised."""
    safe = text.replace("\\", "\\\u200b").replace("{", "\\{").replace("}", "\\}")
    return safe.replace("  ", "\\h\\h")


@dataclass
class Canvas:
    """Collects events; coordinates are pixels from the top left of a stage of this size."""

    width: int = 1280
    height: int = 720
    events: list[str] = field(default_factory=list)

    def _add(self, layer: int, span: Span, tags: str, content: str) -> None:
        if span.end - span.start < 0.005:
            return
        self.events.append(
            f"Dialogue: {layer},{_time(span.start)},{_time(span.end)},S,,0,0,0,,{{{tags}}}{content}"
        )

    def text(
        self,
        at: tuple[float, float],
        text: str,
        font: Font,
        size: float,
        colour: str,
        span: Span,
        *,
        anchor: Anchor = Anchor.START,
        layer: int = 5,
        rise: float = 0.0,
        extra: str = "",
    ) -> None:
        """Set one line, its baseline at `at`, `size` pixels an em; it may `rise` as it appears."""
        x, y = at[0], at[1] - font.ascent * size
        place = f"\\pos({x:.2f},{y:.2f})"
        if rise:
            place = f"\\move({x:.2f},{y + rise:.2f},{x:.2f},{y:.2f},0,{span.fade_in + 120})"
        tags = (
            f"\\an{anchor.value}{place}\\fn{font.family}\\fs{size * font.line_height:.2f}"
            f"\\1c{ass_colour(colour)}{span.fade}{extra}"
        )
        self._add(layer, span, tags, escape(text))

    def markup(
        self,
        at: tuple[float, float],
        markup: str,
        font: Font,
        size: float,
        colour: str,
        span: Span,
        *,
        y_before: float,
        layer: int = 5,
    ) -> None:
        """Set a line that carries colour commands; it slides in from baseline `y_before`."""
        x, y, before = at[0], at[1] - font.ascent * size, y_before - font.ascent * size
        place = f"\\pos({x:.2f},{y:.2f})"
        if before != y:
            place = f"\\move({x:.2f},{before:.2f},{x:.2f},{y:.2f},0,140)"
        tags = (
            f"\\an7{place}\\fn{font.family}\\fs{size * font.line_height:.2f}"
            f"\\1c{ass_colour(colour)}{span.fade}"
        )
        self._add(layer, span, tags, markup)

    def shape(
        self,
        path: Path,
        colour: str,
        span: Span,
        *,
        layer: int = 2,
        extra: str = "",
    ) -> None:
        """Fill `path`."""
        tags = f"\\an7\\pos(0,0)\\1c{ass_colour(colour)}{span.fade}{extra}\\p4"
        self._add(layer, span, tags, _drawing(path))

    def document(self) -> str:
        """Return the whole script."""
        head = HEADER.format(width=self.width, height=self.height)
        return head + "\n".join(self.events) + "\n"
