"""A transcode's source: fetched, proven to be what was sent, described and measured."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath

from app.current import integrations
from app.domain.videos import ladder, loudness
from app.domain.videos.generations import Work
from app.domain.videos.ladder import AUDIO_NAME, Ladder
from app.errors import MediaInvalid, NotFound
from app.integrations.transcoder import MediaInfo

READ_PERCENT = 6.0
_CHECKED_PERCENT = 1.0
_DESCRIBED_PERCENT = 4.0
_CHUNK_BYTES = 8 * 1024**2


class ChecksumMismatch(MediaInvalid):
    """The file that arrived is not the one that was sent."""

    code = "CHECKSUM_MISMATCH"


class SourceMissing(MediaInvalid):
    """The uploaded file is not in the storage."""

    code = "SOURCE_MISSING"
    detail = "The uploaded file is no longer in the storage. Upload it again."


class Stage(StrEnum):
    """What a transcode is at, for people who wait."""

    CHECKING = "checking"
    READING = "reading"
    MEASURING = "measuring"
    ENCODING = "encoding"
    VERIFYING = "verifying"
    STORYBOARD = "storyboard"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the whole transcode is."""

    stage: Stage
    percent: float


@dataclass(frozen=True, slots=True)
class SourceProven:
    """The source's digest, known once all of it was read."""

    sha256: str


@dataclass(frozen=True, slots=True)
class SourceRead:
    """A source that can be encoded: where it lies, what it is, and what to make of it.

    `loudness_lufs` is None for silence and where the sound was made by an earlier attempt.
    """

    path: Path
    info: MediaInfo
    ladder: Ladder
    loudness_lufs: float | None

    @property
    def gain_db(self) -> float:
        """How much louder its sound has to be."""
        return loudness.gain_db(self.loudness_lufs)


Tell = Callable[[Progress | SourceProven], None]


def read(work: Work, folder: Path, tell: Tell) -> SourceRead:
    """Fetch and examine the source of `work`, in `folder` where it does not lie here already.

    Raises ChecksumMismatch, SourceMissing, MediaInvalid, TranscodeFailed, StorageFull,
    StorageUnavailable, and whatever `tell` raises.
    """
    tell(Progress(Stage.CHECKING, 0))
    source = _local(work, folder)
    _prove(work, source, tell)

    def attend() -> None:
        tell(Progress(Stage.READING, _CHECKED_PERCENT))

    attend()
    transcoder = integrations.transcoder
    info = transcoder.probe(source, attend)
    chosen = ladder.choose(info, transcoder.sample(source, info, folder, attend))
    tell(Progress(Stage.READING, _DESCRIBED_PERCENT))
    lufs = None
    if info.has_audio and AUDIO_NAME not in work.published:
        lufs = transcoder.measure_loudness(
            source,
            info.duration_seconds,
            lambda done: tell(
                Progress(
                    Stage.MEASURING,
                    _DESCRIBED_PERCENT + done * (READ_PERCENT - _DESCRIBED_PERCENT),
                )
            ),
        )
    tell(Progress(Stage.MEASURING, READ_PERCENT))
    return SourceRead(source, info, chosen, lufs)


def _local(work: Work, folder: Path) -> Path:
    """Return the source as a file of this machine."""
    source = integrations.storage.local_path(work.source_key)
    if source is not None:
        if not source.is_file():
            raise SourceMissing
        return source
    source = folder / f"source{PurePosixPath(work.source_key).suffix}"
    try:
        integrations.storage.fetch_to(work.source_key, source)
    except NotFound as error:
        raise SourceMissing from error
    return source


def _prove(work: Work, source: Path, tell: Tell) -> None:
    """Compare the source with what its sender said it is, and tell what it is."""
    digest, total, done = hashlib.sha256(), max(source.stat().st_size, 1), 0
    with source.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
            done += len(chunk)
            tell(Progress(Stage.CHECKING, _CHECKED_PERCENT * done / total))
    found = digest.hexdigest()
    if work.expected_sha256 and found != work.expected_sha256.lower():
        raise ChecksumMismatch(
            "The file that arrived is not the one that was sent: its SHA-256 is "
            f"{found}, not {work.expected_sha256.lower()}. Upload it again."
        )
    tell(SourceProven(found))
