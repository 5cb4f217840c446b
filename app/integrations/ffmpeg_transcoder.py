"""The transcoder that runs ffmpeg and reads off its results; command lines: `ffmpeg_commands`."""

import json
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

from app.config import ConfigurationError, Settings
from app.errors import MediaInvalid, StorageFull, TranscodeFailed
from app.integrations import ffmpeg_commands, sandbox
from app.integrations.containers import FORMAT_WHITELIST, family, sniff
from app.integrations.ffmpeg_progress import SILENCE_LUFS, Followed, LoudnessMeter
from app.integrations.sandbox import Limits, ProgramFailed
from app.integrations.transcoder import (
    INIT_NAME,
    Attend,
    ContentSample,
    DecodedMedia,
    EncodedRung,
    EncodeJob,
    MediaInfo,
    Rung,
    StillSheets,
    VideoRung,
    unattended,
)

_PROBE_SCRIPT = Path(__file__).with_name("probe_script.py")
_PROBE_SECONDS = 300
_SAMPLE_SECONDS = 120
_STILLS_SECONDS = 600
_TRIAL_SECONDS = 10
_STALL_SECONDS = 300.0
_GIGABYTE = 1024**3
_MIN_SIDE, _MAX_SIDE = 16, 8192
_MAX_DURATION_SECONDS = 12 * 3600
_SAME_LENGTH_SECONDS = 0.25
_TRUNCATED_SHARE = 0.95
_AAC_LC = "mp4a.40.2"
_DISK_FULL = "No space left on device"

Progress = Callable[[float], None]


class FfmpegTranscoder:
    """Runs ffmpeg and the probe, each in a sandboxed process of its own.

    A program that makes no progress for `stall_seconds` is stopped.
    """

    def __init__(self, settings: Settings, stall_seconds: float = _STALL_SECONDS) -> None:
        self._settings = settings
        self._stall_seconds = stall_seconds

    def probe(self, source: Path, attend: Attend = unattended) -> MediaInfo:
        """Describe `source`, having read all of it. Raises MediaInvalid."""
        claimed = sniff(source)
        if claimed is None:
            raise MediaInvalid("The file is no MP4, MOV, MKV, WebM or AVI video.")
        script = [sys.executable, "-I", str(_PROBE_SCRIPT), str(source), FORMAT_WHITELIST]
        limits = Limits(_PROBE_SECONDS, memory_bytes=2 * _GIGABYTE, file_bytes=0)
        try:
            printed = sandbox.run(
                script, limits, reads=[source, _PROBE_SCRIPT], on_tick=_calling(attend)
            )
            found = json.loads(printed[-1])
        except (ProgramFailed, ValueError, IndexError) as error:
            raise MediaInvalid("The file could not be read to its end.") from error
        if "problem" in found:
            raise MediaInvalid(f"The file is not a video that can be read: {found['problem']}.")
        if family(found["format"]) != claimed:
            raise MediaInvalid("The file's first bytes and its content disagree about its kind.")
        return _checked(found, claimed)

    def sample(
        self, source: Path, info: MediaInfo, scratch: Path, attend: Attend = unattended
    ) -> ContentSample:
        """Encode a few seconds at low resolution and measure them. Raises TranscodeFailed."""
        target = scratch / "sample.h264"
        arguments, seconds = ffmpeg_commands.sample(source, info, target)
        tick = _calling(attend)
        self._run(arguments, _SAMPLE_SECONDS, reads=[source], writes=scratch, on_tick=tick)
        bits = 8 * target.stat().st_size
        target.unlink()
        return ContentSample(bits / seconds, *ffmpeg_commands.sample_size(info))

    def encode(self, job: EncodeJob, on_progress: Progress) -> list[EncodedRung]:
        """Encode `job`'s rungs. Raises TranscodeFailed, StorageFull."""
        with _disk_errors():
            for rung in job.rungs:
                (job.target / rung.name).mkdir(parents=True, exist_ok=True)
        self._run(
            ffmpeg_commands.encode(job),
            self._settings.transcode_timeout_seconds,
            reads=[job.source],
            writes=job.target,
            on_tick=self._follow(float(job.frame_count / job.frame_rate), on_progress),
        )
        return [_finished(job, rung) for rung in job.rungs]

    def measure_loudness(
        self, source: Path, duration_seconds: float, on_progress: Progress
    ) -> float | None:
        """Return the loudness of `source`'s sound in LUFS, None when it is silence."""
        meter = LoudnessMeter(duration_seconds, on_progress)
        self._run(
            ffmpeg_commands.loudness(source),
            self._settings.transcode_timeout_seconds,
            reads=[source],
            on_tick=meter,
        )
        return meter.lufs if meter.lufs > SILENCE_LUFS else None

    def make_poster(self, source: Path, info: MediaInfo, target: Path) -> None:
        """Write a still of `source` to `target`. Raises TranscodeFailed, StorageFull."""
        arguments = ffmpeg_commands.poster(source, info, target)
        self._run(arguments, _SAMPLE_SECONDS, reads=[source], writes=target.parent)
        if not target.is_file():
            raise TranscodeFailed("No still could be taken from the video.")

    def make_stills(
        self, media: Path, wanted: StillSheets, target: Path, attend: Attend = unattended
    ) -> list[Path]:
        """Write the sheets of stills of `media`. Raises TranscodeFailed, StorageFull."""
        with _disk_errors():
            target.mkdir(parents=True, exist_ok=True)
        arguments = ffmpeg_commands.stills(media, wanted, target)
        tick = _calling(attend)
        self._run(arguments, _STILLS_SECONDS, reads=[media], writes=target, on_tick=tick)
        sheets = sorted(target.glob("*.jpg"))
        if len(sheets) != wanted.sheets:
            raise TranscodeFailed(f"{len(sheets)} of {wanted.sheets} sheets of stills were made.")
        return sheets

    def decode(self, media: Path, duration_seconds: float, on_progress: Progress) -> DecodedMedia:
        """Decode all of `media`. Raises TranscodeFailed at the first fault."""
        reader = self._follow(duration_seconds, on_progress)
        self._run(
            ffmpeg_commands.decode(media),
            self._settings.transcode_timeout_seconds,
            reads=[media],
            on_tick=reader,
        )
        return DecodedMedia(reader.frames, reader.seconds)

    def check(self) -> str:
        """Encode half a second of a test picture and sound; return which ffmpeg did.

        Raises TranscodeFailed, ConfigurationError.
        """
        self._run(ffmpeg_commands.trial(), _TRIAL_SECONDS, reads=[])
        return self._ffmpeg

    def _run(
        self,
        arguments: Sequence[str],
        wall_seconds: int,
        *,
        reads: Sequence[Path],
        writes: Path | None = None,
        on_tick: sandbox.Tick | None = None,
    ) -> None:
        command = [self._ffmpeg, *arguments]
        try:
            sandbox.run(command, Limits(wall_seconds), reads=reads, writes=writes, on_tick=on_tick)
        except ProgramFailed as error:
            if any(_DISK_FULL in line for line in error.errors):
                raise StorageFull from error
            folders = [path.parent for path in reads] + ([writes] if writes else [])
            raise _without_folders(error, folders) from error

    def _follow(self, duration_seconds: float, on_progress: Progress) -> Followed:
        return Followed(duration_seconds, on_progress, self._stall_seconds)

    @cached_property
    def _ffmpeg(self) -> str:
        """Return the binary: the setting's, the wheel's, or the one on PATH."""
        if self._settings.ffmpeg_bin:
            found = shutil.which(self._settings.ffmpeg_bin)
            if found is None:
                raise ConfigurationError(
                    f"FFMPEG_BIN: {self._settings.ffmpeg_bin} is not a program"
                )
            return found
        return _wheel_ffmpeg() or _path_ffmpeg()


def _calling(attend: Attend) -> sandbox.Tick:
    return lambda _: attend()


def _without_folders(error: ProgramFailed, folders: Sequence[Path]) -> ProgramFailed:
    """Return the failure without the names of this machine's folders: people read it."""
    summary, *_ = error.detail.split("\n")
    lines = list(error.errors)
    for folder in folders:
        lines = [line.replace(f"{folder}/", "") for line in lines]
    return ProgramFailed(summary, lines)


def _checked(found: dict[str, Any], container: str) -> MediaInfo:
    """Return the description, refusing what cannot be made into a lesson."""
    sides = (found["width"], found["height"])
    if not all(_MIN_SIDE <= side <= _MAX_SIDE for side in sides):
        raise MediaInvalid(f"A picture of {sides[0]} x {sides[1]} pixels cannot be prepared.")
    seconds, claimed = found["seconds"], found["claimed_seconds"]
    if claimed and seconds < _TRUNCATED_SHARE * claimed - _SAME_LENGTH_SECONDS:
        raise MediaInvalid(
            f"The file ends after {seconds:.0f} of {claimed:.0f} seconds. Upload it again."
        )
    if claimed and abs(claimed - seconds) <= _SAME_LENGTH_SECONDS:
        seconds = claimed
    if not 0 < seconds <= _MAX_DURATION_SECONDS:
        raise MediaInvalid("The video must last longer than nothing and at most 12 hours.")
    return MediaInfo(
        duration_seconds=seconds,
        width=sides[0],
        height=sides[1],
        frame_rate=Fraction(*found["frame_rate"]),
        audio_channels=found["audio_channels"],
        container=container,
        video_codec=found["video_codec"],
        is_interlaced=found["is_interlaced"],
    )


def _finished(job: EncodeJob, rung: Rung) -> EncodedRung:
    """Return the files of `rung` as ffmpeg's own playlist lists them."""
    folder = job.target / rung.name
    try:
        lines = (folder / ffmpeg_commands.PLAYLIST_NAME).read_text(encoding="ascii").splitlines()
        init = folder / INIT_NAME
        codecs = _avc_codec(init.read_bytes()) if isinstance(rung, VideoRung) else _AAC_LC
    except FileNotFoundError as error:
        raise TranscodeFailed(f"Nothing was written for {rung.name}.") from error
    durations = tuple(
        float(line.removeprefix("#EXTINF:").rstrip(","))
        for line in lines
        if line.startswith("#EXTINF:")
    )
    segments = tuple(folder / line for line in lines if line and not line.startswith("#"))
    if not segments or "#EXT-X-ENDLIST" not in lines:
        raise TranscodeFailed(f"{rung.name} was not written to its end.")
    step = rung.frame_step if isinstance(rung, VideoRung) else 1
    return EncodedRung(rung, job.frame_rate / step, init, segments, durations, codecs)


def _avc_codec(init: bytes) -> str:
    """Return the RFC 6381 name of the H.264 profile and level in an init segment."""
    box = init.find(b"avcC")
    if box < 0:
        raise TranscodeFailed("The encoder wrote no H.264 configuration.")
    return f"avc1.{init[box + 5 : box + 8].hex()}"


def _wheel_ffmpeg() -> str | None:
    try:
        import imageio_ffmpeg  # noqa: PLC0415 - only workers transcode
    except ImportError:
        return None
    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError:
        return None


def _path_ffmpeg() -> str:
    found = shutil.which("ffmpeg")
    if found is None:
        raise ConfigurationError("No ffmpeg: set FFMPEG_BIN or install imageio-ffmpeg")
    return found


@contextmanager
def _disk_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageFull from error
