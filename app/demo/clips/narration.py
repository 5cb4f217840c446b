"""Narration: sentences laid out in time, the captions made of them, and words found in time."""

from dataclasses import dataclass, field

from app.demo.clips.phones import PHONES, Kind, phones_of

LEAD_IN_SECONDS = 1.2
BETWEEN_SECONDS = 0.35
TAIL_SECONDS = 2.2


@dataclass(frozen=True)
class Line:
    """One sentence as it is spoken, with its Amharic caption where the clip has one."""

    text: str
    amharic: str | None = None
    pause_seconds: float = BETWEEN_SECONDS


@dataclass(frozen=True)
class Cue:
    """A line placed in time, in seconds from the clip's start."""

    line: Line
    phones: tuple[str, ...]
    start: float
    end: float

    def at(self, word: str) -> float:
        """Return about when `word` is spoken, in seconds. Raises ValueError if it never is."""
        share = self.line.text.index(word) / len(self.line.text)
        return self.start + share * (self.end - self.start)


@dataclass(frozen=True)
class Narration:
    """All cues of a clip and its whole length, rounded up to a full second."""

    cues: tuple[Cue, ...]
    duration: int
    tempo: float = field(default=1.0)


def narrate(lines: tuple[Line, ...], tempo: float = 1.0) -> Narration:
    """Place `lines` one after another; a `tempo` above 1 speaks faster."""
    cues: list[Cue] = []
    now = LEAD_IN_SECONDS
    for line in lines:
        phones = tuple(phones_of(line.text))
        while phones and PHONES[phones[-1]].kind is Kind.REST:
            phones = phones[:-1]
        length = sum(PHONES[name].duration_ms for name in phones) / 1000 / tempo
        cues.append(Cue(line, phones, round(now, 3), round(now + length, 3)))
        now += length + line.pause_seconds
    return Narration(tuple(cues), int(now + TAIL_SECONDS) + 1, tempo)


def _timestamp(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes) // 60:02d}:{int(minutes) % 60:02d}:{rest:06.3f}"


def webvtt(narration: Narration, language: str) -> str:
    """Return the captions in WebVTT; `language` is "en" or "am"."""
    blocks = ["WEBVTT"]
    for number, cue in enumerate(narration.cues, start=1):
        text = cue.line.text if language == "en" else cue.line.amharic
        if text is None:
            raise ValueError(f"cue {number} has no {language} text")
        times = f"{_timestamp(cue.start)} --> {_timestamp(cue.end + 0.2)}"
        blocks.append(f"{number}\n{times}\n{_wrapped(text)}")
    return "\n\n".join(blocks) + "\n"


def _wrapped(text: str, width: int = 42) -> str:
    """Break a caption into two lines of about equal length when it is longer than `width`."""
    if len(text) <= width:
        return text
    middle = len(text) // 2
    spaces = [index for index, letter in enumerate(text) if letter == " "]
    split = min(spaces, key=lambda index: abs(index - middle))
    return f"{text[:split]}\n{text[split + 1 :]}"
