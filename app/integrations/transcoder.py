"""The transcoder role: what a source is, what to make of it, and the files that result.

`ffmpeg_transcoder` is the client. Choosing rungs is the domain's (`domain/videos/ladder`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Protocol

Attend = Callable[[], None]

INIT_NAME = "init.mp4"
SEGMENT_SECONDS = 4


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """What a probe found. Sizes are pixels as displayed: rotated, with square pixels."""

    duration_seconds: float
    width: int
    height: int
    frame_rate: Fraction
    audio_channels: int
    container: str
    video_codec: str
    is_interlaced: bool = False

    @property
    def has_audio(self) -> bool:
        """Whether the source has a sound track."""
        return self.audio_channels > 0


@dataclass(frozen=True, slots=True)
class ContentSample:
    """How hard the picture is to code: bits per second of a small sample at a known size."""

    bits_per_second: float
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class VideoRung:
    """One video rendition to make; it keeps every `frame_step`-th picture. Bits per second."""

    name: str
    width: int
    height: int
    crf: int
    max_bit_rate: int
    frame_step: int = 1


@dataclass(frozen=True, slots=True)
class AudioRung:
    """The audio rendition to make; a silent track when the source has none."""

    name: str
    bit_rate: int
    channels: int


Rung = VideoRung | AudioRung


@dataclass(frozen=True, slots=True)
class EncodeJob:
    """One decode of `source` into `rungs`, each in the folder `target/<rung name>/`.

    The result lasts exactly `frame_count` pictures; sound and picture are padded to it. The sound
    is made louder by `gain_db` decibels, its peaks kept below full scale.
    """

    source: Path
    info: MediaInfo
    frame_rate: Fraction
    frame_count: int
    rungs: Sequence[Rung]
    target: Path
    gain_db: float = 0.0


@dataclass(frozen=True, slots=True)
class StillSheets:
    """Stills of a rung laid out in sheets: one of every `step` segments, `count` in all.

    Sizes are pixels of one still; a sheet holds `columns` by `rows` of them.
    """

    step: int
    count: int
    columns: int
    rows: int
    width: int
    height: int

    @property
    def sheets(self) -> int:
        """How many sheets the stills fill."""
        return -(-self.count // (self.columns * self.rows))


@dataclass(frozen=True, slots=True)
class EncodedRung:
    """A finished rung on disk. `durations` are the segments' EXTINF in seconds.

    `frame_rate` is the pictures' own, which a thinned rung has less of; sound carries the job's.
    """

    rung: Rung
    frame_rate: Fraction
    init: Path
    segments: tuple[Path, ...]
    durations: tuple[float, ...]
    codecs: str


@dataclass(frozen=True, slots=True)
class DecodedMedia:
    """What a full decode gave; `frames` counts pictures and is 0 for sound alone."""

    frames: int
    duration_seconds: float


def even_pixels(value: float) -> int:
    """Return the even number nearest to `value`, at least 2: H.264 halves chroma's sides."""
    return max(2, 2 * round(value / 2))


def unattended() -> None:
    """Stop nothing."""


class Transcoder(Protocol):
    """Reads hostile media in a sandbox. What a callback raises stops the work and passes through.

    Callbacks are called at least once a second while work goes on.
    """

    def probe(self, source: Path, attend: Attend = unattended) -> MediaInfo:
        """Describe `source`. Raises MediaInvalid when it is not a video of a known kind."""
        ...

    def sample(
        self, source: Path, info: MediaInfo, scratch: Path, attend: Attend = unattended
    ) -> ContentSample:
        """Encode a few seconds into `scratch` and measure them. Raises TranscodeFailed."""
        ...

    def measure_loudness(
        self, source: Path, duration_seconds: float, on_progress: Callable[[float], None]
    ) -> float | None:
        """Return the integrated loudness of `source`'s sound in LUFS (EBU R 128).

        None when there is nothing to hear. Raises TranscodeFailed.
        """
        ...

    def encode(self, job: EncodeJob, on_progress: Callable[[float], None]) -> list[EncodedRung]:
        """Encode `job`, telling the fraction done. Raises TranscodeFailed, StorageFull."""
        ...

    def make_poster(self, source: Path, info: MediaInfo, target: Path) -> None:
        """Write a JPEG still of `source` to `target`. Raises TranscodeFailed, StorageFull."""
        ...

    def make_stills(
        self, media: Path, wanted: StillSheets, target: Path, attend: Attend = unattended
    ) -> list[Path]:
        """Write the JPEG sheets of an encoded rung into the folder `target`, in order.

        Raises TranscodeFailed, StorageFull.
        """
        ...

    def check(self) -> str:
        """Encode a moment of a test picture and sound; return what did.

        Raises TranscodeFailed, ConfigurationError.
        """
        ...

    def decode(
        self, media: Path, duration_seconds: float, on_progress: Callable[[float], None]
    ) -> DecodedMedia:
        """Decode all of `media`, telling the fraction done of its expected duration.

        Raises TranscodeFailed at the first fault.
        """
        ...
