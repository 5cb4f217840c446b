"""SubRip (SRT), the other wide-spread kind of captions, turned into WebVTT."""

import re

_TIME = r"(\d{1,3}):([0-5]?\d):([0-5]?\d)[,.](\d{1,3})"
_TIMING = re.compile(rf"^[ \t]*{_TIME}[ \t]*-->[ \t]*{_TIME}.*$")
_NUMBER = re.compile(r"^[ \t]*\d+[ \t]*$")
_STYLE = re.compile(r"\{\\[^}]*\}|</?font\b[^>]*>", re.IGNORECASE)


def is_subrip(text: str) -> bool:
    """Return whether `text` has SubRip's timing lines and no WebVTT header."""
    unified = unify(text)
    if re.match(r"WEBVTT(?:[ \t\n]|$)", unified):
        return False
    return any(_TIMING.match(line) for line in unified.split("\n"))


def to_webvtt(text: str) -> str:
    """Return SubRip captions as WebVTT: times rewritten, numbers and styles dropped."""
    blocks, cue = ["WEBVTT"], list[str]()
    lines = unify(text).split("\n")
    for number, line in enumerate(lines):
        timing = _TIMING.match(line)
        if timing:
            _finish(blocks, cue)
            cue = [_timing(timing)]
        elif cue and not _is_number_of_next(lines, number):
            cue.append(_STYLE.sub("", line).rstrip())
    _finish(blocks, cue)
    return "\n\n".join(blocks) + "\n"


def unify(text: str) -> str:
    """Return `text` with plain line ends and without byte order mark and null characters."""
    unified = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    return unified.replace("\0", "\ufffd")


def _is_number_of_next(lines: list[str], number: int) -> bool:
    """Whether the line is the counter above the next cue, which is not said."""
    following = lines[number + 1] if number + 1 < len(lines) else ""
    return bool(_NUMBER.match(lines[number]) and _TIMING.match(following))


def _timing(found: re.Match[str]) -> str:
    return f"{_stamp(*found.group(1, 2, 3, 4))} --> {_stamp(*found.group(5, 6, 7, 8))}"


def _stamp(hours: str, minutes: str, seconds: str, fraction: str) -> str:
    return f"{int(hours):02d}:{int(minutes):02d}:{int(seconds):02d}.{fraction.ljust(3, '0')}"


def _finish(blocks: list[str], cue: list[str]) -> None:
    """Add a cue that says something; an empty line within would end it in WebVTT."""
    words = [line for line in cue[1:] if line.strip()]
    if words:
        blocks.append("\n".join([cue[0], *(line.replace("-->", "→") for line in words)]))
