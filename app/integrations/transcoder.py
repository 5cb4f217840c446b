"""The transcoder role: what a source is, what to make of it, and the files that result.

`ffmpeg_transcoder` is the client. Choosing rungs is the domain's (`domain/videos/ladder`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Protocol

INIT_NAME = "init.mp4"
PLAYLIST_NAME = "index.m3u8"
SEGMENT_SECONDS = 4


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """What a probe found. Sizes are pixels as displayed: rotated, with square pixels."""

    duration_seconds: float
    width: int
    height: int
    frame_rate: Fraction
    has_audio: bool
    container: str
    video_codec: str
    is_interlaced: bool = False


@dataclass(frozen=True, slots=True)
class ContentSample:
    """How hard the picture is to code: bits per second of a small sample at a known size."""

    bits_per_second: float
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class VideoRung:
    """One video rendition to make. Bit rates are bits per second."""

    name: str
    width: int
    height: int
    crf: int
    max_bit_rate: int


@dataclass(frozen=True, slots=True)
class AudioRung:
    """The audio rendition to make; a silent track when the source has none."""

    name: str
    bit_rate: int


Rung = VideoRung | AudioRung


@dataclass(frozen=True, slots=True)
class EncodeJob:
    """One decode of `source` into `rungs`, each in the folder `target/<rung name>/`."""

    source: Path
    info: MediaInfo
    frame_rate: Fraction
    rungs: Sequence[Rung]
    target: Path


@dataclass(frozen=True, slots=True)
class EncodedRung:
    """A finished rung on disk. `durations` are the segments' EXTINF in seconds."""

    rung: Rung
    init: Path
    segments: tuple[Path, ...]
    durations: tuple[float, ...]
    codecs: str


@dataclass(frozen=True, slots=True)
class DecodedRung:
    """What a full decode of a finished rung gave."""

    frames: int
    duration_seconds: float


class Transcoder(Protocol):
    """Reads hostile media in a sandbox. Iterators stop the work when they are closed."""

    def probe(self, source: Path) -> MediaInfo:
        """Describe `source`. Raises MediaInvalid when it is not a video of a known kind."""
        ...

    def sample(self, source: Path, info: MediaInfo) -> ContentSample:
        """Encode a few seconds and measure. Raises MediaInvalid, TranscodeFailed."""
        ...

    def encode(self, job: EncodeJob) -> Iterator[float]:
        """Encode; yield the fraction done at least once a second.

        Raises MediaInvalid, TranscodeFailed, StorageFull.
        """
        ...

    def finished(self, job: EncodeJob, rung: Rung) -> EncodedRung:
        """Return the files of a rung that `encode` has finished. Raises TranscodeFailed."""
        ...

    def make_poster(self, source: Path, info: MediaInfo, target: Path) -> None:
        """Write a JPEG still of `source` to `target`. Raises TranscodeFailed, StorageFull."""
        ...

    def decode(self, media: Path) -> DecodedRung:
        """Decode every frame of `media` (init and segments joined). Raises TranscodeFailed."""
        ...
