"""Media playlist templates: written once per rung, served after two replacements."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.videos.encryption import window_of

SEGMENTS = "{segments}"
KEYS = "{keys}"
INIT_NAME = "init.mp4"

_SEGMENT = re.compile(
    r"#EXT-X-KEY:METHOD=AES-128,URI=\"\{keys\}/(?P<window>\d+)\",IV=0x(?P<iv>[0-9a-f]{32})\n"
    r"#EXTINF:(?P<duration>[0-9.]+),\n"
    r"\{segments\}/(?P<name>[^\n]+)\n"
)


@dataclass(frozen=True, slots=True)
class PlaylistSegment:
    """One segment of a template; `name` is `<rung>/<number>.m4s`, `duration` as it is written."""

    name: str
    window: int
    iv: bytes
    duration: str


def segment_name(rung: str, index: int) -> str:
    """Return the name of a segment below its generation's folder."""
    return f"{rung}/{index:05d}.m4s"


def render_media_template(rung: str, durations: Sequence[float], ivs: Sequence[bytes]) -> str:
    """Return the playlist of one rung; durations are seconds, one IV a segment.

    The map stands before the first key, so the init segment is read as clear text.
    """
    lines = [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        f"#EXT-X-TARGETDURATION:{max(1, *(int(seconds + 0.5) for seconds in durations))}",
        "#EXT-X-MEDIA-SEQUENCE:0",
        "#EXT-X-PLAYLIST-TYPE:VOD",
        "#EXT-X-INDEPENDENT-SEGMENTS",
        f'#EXT-X-MAP:URI="{SEGMENTS}/{rung}/{INIT_NAME}"',
    ]
    for index, (seconds, iv) in enumerate(zip(durations, ivs, strict=True)):
        key = f'URI="{KEYS}/{window_of(index)}",IV=0x{iv.hex()}'
        lines += [
            f"#EXT-X-KEY:METHOD=AES-128,{key}",
            f"#EXTINF:{seconds:.6f},",
            f"{SEGMENTS}/{segment_name(rung, index)}",
        ]
    return "\n".join([*lines, "#EXT-X-ENDLIST", ""])


def read_segments(template: str) -> list[PlaylistSegment]:
    """Return the segments that a template lists, in order."""
    return [
        PlaylistSegment(
            found["name"], int(found["window"]), bytes.fromhex(found["iv"]), found["duration"]
        )
        for found in _SEGMENT.finditer(template)
    ]
