"""Which renditions a title gets: chosen by what its picture is, not by a fixed list."""

from dataclasses import dataclass, replace
from fractions import Fraction

from app.integrations.transcoder import (
    AudioRung,
    ContentSample,
    MediaInfo,
    Rung,
    VideoRung,
    even_pixels,
)

# Bits per second and pixel of a 360-line sample at CRF 23. Slides measured 0.34, code 0.48, a
# talking head 1.5, so the border lies between with room on both sides.
SCREEN_BITS_PER_PIXEL = 0.85

AUDIO_NAME = "audio"
CAMERA_LINES = (720, 480, 360, 240)
MAX_SCREEN_LINES = 1080
FIRST_LINES = 360
MAX_BIT_RATES = {240: 450_000, 360: 900_000, 480: 1_600_000, 720: 3_200_000, 1080: 5_500_000}
STANDARD_RATES = (
    *map(Fraction, (10, 12, 15, 20)),
    Fraction(24000, 1001),
    Fraction(24),
    Fraction(25),
    Fraction(30000, 1001),
    Fraction(30),
)

_CRF = 23
_LOW_CRF = 33
_LOW_STEP = 2
_THINNED_FROM_RATE = 20
_CLOSEST_STEP = 0.85
_RATE_TOLERANCE = 0.002


@dataclass(frozen=True, slots=True)
class Ladder:
    """The rungs of one generation and the time line that all of them share.

    `first` is enough to watch: a low video rung and the sound; `rest` follows.
    """

    is_screen: bool
    frame_rate: Fraction
    frame_count: int
    first: tuple[Rung, ...]
    rest: tuple[Rung, ...]

    @property
    def rungs(self) -> tuple[Rung, ...]:
        """All rungs, those that come first at the front."""
        return self.first + self.rest

    @property
    def duration_seconds(self) -> float:
        """How long every rung lasts."""
        return float(self.frame_count / self.frame_rate)


def choose(info: MediaInfo, sample: ContentSample) -> Ladder:
    """Return the ladder for a source.

    A camera's picture loses resolution on the lower rungs. A screen's keeps it and loses
    quality instead, because scaled-down text is unreadable at any quality. Nothing is enlarged,
    and there are always two video rungs, so that players have something to adapt to.
    """
    is_screen = _bits_per_pixel(sample) < SCREEN_BITS_PER_PIXEL
    lines = [min(_lines(info), MAX_SCREEN_LINES)] if is_screen else _camera_lines(_lines(info))
    rate = frame_rate(info.frame_rate)
    videos = [_rung(info, count) for count in lines]
    if len(videos) == 1:
        videos.append(_low_rung(videos[0], rate if is_screen else None))
    first = next((rung for rung in videos if rung.name == f"{FIRST_LINES}p"), videos[-1])
    return Ladder(
        is_screen=is_screen,
        frame_rate=rate,
        frame_count=_frame_count(info.duration_seconds * rate, videos),
        first=(first, _audio(info)),
        rest=tuple(rung for rung in videos if rung is not first),
    )


def frame_rate(source: Fraction) -> Fraction:
    """Return the standard rate, at most 30, that fits a source's rate best.

    Rates above 30 are divided evenly where they can be; odd and variable ones go to the next
    standard rate above.
    """
    by_error = [
        (abs(source / rate / max(1, round(source / rate)) - 1), -rate) for rate in STANDARD_RATES
    ]
    error, negative = min(by_error)
    if error <= _RATE_TOLERANCE:
        return -negative
    return next((rate for rate in STANDARD_RATES if rate >= source), STANDARD_RATES[-1])


def _bits_per_pixel(sample: ContentSample) -> float:
    return sample.bits_per_second / (sample.width * sample.height)


def _lines(info: MediaInfo) -> int:
    """Return the shorter side: a portrait 720p is 720 pixels wide."""
    return min(info.width, info.height)


def _camera_lines(source: int) -> list[int]:
    top = min(source, CAMERA_LINES[0])
    return [top, *(lines for lines in CAMERA_LINES if lines <= top * _CLOSEST_STEP)]


def _rung(info: MediaInfo, lines: int) -> VideoRung:
    scale = lines / _lines(info)
    ceiling = next((rate for size, rate in MAX_BIT_RATES.items() if lines <= size), None)
    return VideoRung(
        name=f"{lines}p",
        width=even_pixels(info.width * scale),
        height=even_pixels(info.height * scale),
        crf=_CRF,
        max_bit_rate=ceiling or max(MAX_BIT_RATES.values()),
    )


def _low_rung(rung: VideoRung, screen_rate: Fraction | None) -> VideoRung:
    """Return the same size for less: coarser, and at half the rate when nothing moves much."""
    is_thinned = screen_rate is not None and screen_rate >= _THINNED_FROM_RATE
    return replace(
        rung,
        name=f"{rung.name.removesuffix('p')}low",
        crf=_LOW_CRF,
        frame_step=_LOW_STEP if is_thinned else 1,
    )


def _frame_count(frames: Fraction | float, videos: list[VideoRung]) -> int:
    """Return a count of pictures that every rung's step divides, so that all last equally long."""
    step = max(rung.frame_step for rung in videos)
    return max(1, round(frames / step)) * step


def _audio(info: MediaInfo) -> AudioRung:
    if info.audio_channels >= 2:
        return AudioRung(AUDIO_NAME, 96_000, 2)
    return AudioRung(AUDIO_NAME, 64_000, 1)
