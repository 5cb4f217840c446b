"""What ffmpeg prints while it works, read line by line: how far it is, and how loud it was."""

import re
import time
from collections.abc import Callable

from app.errors import TranscodeFailed

SILENCE_LUFS = -60.0
_METER_TIME = re.compile(r"pts_time:(\d+(?:\.\d+)?)")
_METER_VALUE = re.compile(r"lavfi\.r128\.I=(-?\d+(?:\.\d+)?)")

Progress = Callable[[float], None]


class TooSlow(TranscodeFailed):
    """The encoder made no progress for as long as it may."""

    code = "TRANSCODE_STALLED"


class Followed:
    """Follows `-progress` lines; tells the fraction of `duration_seconds` that is done.

    Raises TooSlow when nothing was added for `stall_seconds`.
    """

    def __init__(
        self, duration_seconds: float, on_progress: Progress, stall_seconds: float
    ) -> None:
        self._duration = duration_seconds
        self._on_progress = on_progress
        self._stall_seconds = stall_seconds
        self._reached = (0.0, 0)
        self._reached_at = time.monotonic()
        self.seconds = 0.0
        self.frames = 0

    def __call__(self, line: str) -> None:
        name, _, value = line.partition("=")
        if name == "out_time_us" and value.lstrip("-").isdigit():
            self.seconds = max(0.0, int(value) / 1_000_000)
        elif name == "frame" and value.isdigit():
            self.frames = int(value)
        elif name in ("progress", ""):
            self._check_pace()
            self._on_progress(min(1.0, self.seconds / self._duration))

    def _check_pace(self) -> None:
        now = time.monotonic()
        if (self.seconds, self.frames) != self._reached:
            self._reached, self._reached_at = (self.seconds, self.frames), now
        elif now - self._reached_at > self._stall_seconds:
            raise TooSlow(
                f"Nothing moved for {self._stall_seconds:.0f} seconds after second "
                f"{self.seconds:.0f} of {self._duration:.0f}, so it was stopped."
            )


class LoudnessMeter:
    """Follows the meter's lines; `lufs` is what it said last."""

    def __init__(self, duration_seconds: float, on_progress: Progress) -> None:
        self._duration = duration_seconds
        self._on_progress = on_progress
        self._seconds = 0.0
        self.lufs = SILENCE_LUFS

    def __call__(self, line: str) -> None:
        if found := _METER_TIME.search(line):
            self._seconds = float(found[1])
        elif found := _METER_VALUE.fullmatch(line):
            self.lufs = float(found[1])
        elif not line:
            self._on_progress(min(1.0, self._seconds / self._duration))
