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
from app.integrations.sandbox import Limits, ProgramFailed
from app.integrations.transcoder import (
    INIT_NAME,
    ContentSample,
    DecodedMedia,
    EncodedRung,
    EncodeJob,
    MediaInfo,
    Rung,
    VideoRung,
)

_PROBE_SCRIPT = Path(__file__).with_name("probe_script.py")
_PROBE_SECONDS = 300
_SAMPLE_SECONDS = 120
_GIGABYTE = 1024**3
_MIN_SIDE, _MAX_SIDE = 16, 8192
_MAX_DURATION_SECONDS = 12 * 3600
_SAME_LENGTH_SECONDS = 0.25
_TRUNCATED_SHARE = 0.95
_AAC_LC = "mp4a.40.2"
_DISK_FULL = "No space left on device"

Progress = Callable[[float], None]


class FfmpegTranscoder:
    """Runs ffmpeg and the probe, each in a sandboxed process of its own."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def probe(self, source: Path) -> MediaInfo:
        """Describe `source`, having read all of it. Raises MediaInvalid."""
        claimed = sniff(source)
        if claimed is None:
            raise MediaInvalid("The file is no MP4, MOV, MKV, WebM or AVI video.")
        script = [sys.executable, "-I", str(_PROBE_SCRIPT), str(source), FORMAT_WHITELIST]
        limits = Limits(_PROBE_SECONDS, memory_bytes=2 * _GIGABYTE, file_bytes=0)
        try:
            printed = sandbox.run(script, limits, reads=[source, _PROBE_SCRIPT])
            found = json.loads(printed[-1])
        except (ProgramFailed, ValueError, IndexError) as error:
            raise MediaInvalid("The file could not be read to its end.") from error
        if "problem" in found:
            raise MediaInvalid(f"The file is not a video that can be read: {found['problem']}.")
        if family(found["format"]) != claimed:
            raise MediaInvalid("The file's first bytes and its content disagree about its kind.")
        return _checked(found, claimed)

    def sample(self, source: Path, info: MediaInfo, scratch: Path) -> ContentSample:
        """Encode a few seconds at low resolution and measure them. Raises TranscodeFailed."""
        target = scratch / "sample.h264"
        arguments, seconds = ffmpeg_commands.sample(source, info, target)
        self._run(arguments, _SAMPLE_SECONDS, reads=[source], writes=scratch)
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
            on_tick=_Fraction(float(job.frame_count / job.frame_rate), on_progress),
        )
        return [_finished(job, rung) for rung in job.rungs]

    def make_poster(self, source: Path, info: MediaInfo, target: Path) -> None:
        """Write a still of `source` to `target`. Raises TranscodeFailed, StorageFull."""
        arguments = ffmpeg_commands.poster(source, info, target)
        self._run(arguments, _SAMPLE_SECONDS, reads=[source], writes=target.parent)
        if not target.is_file():
            raise TranscodeFailed("No still could be taken from the video.")

    def decode(self, media: Path, duration_seconds: float, on_progress: Progress) -> DecodedMedia:
        """Decode all of `media`. Raises TranscodeFailed at the first fault."""
        reader = _Fraction(duration_seconds, on_progress)
        self._run(
            ffmpeg_commands.decode(media),
            self._settings.transcode_timeout_seconds,
            reads=[media],
            on_tick=reader,
        )
        return DecodedMedia(reader.frames, reader.seconds)

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
            raise

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


class _Fraction:
    """Follows `-progress` lines; tells the fraction of `duration_seconds` that is done."""

    def __init__(self, duration_seconds: float, on_progress: Progress) -> None:
        self._duration = duration_seconds
        self._on_progress = on_progress
        self.seconds = 0.0
        self.frames = 0

    def __call__(self, line: str) -> None:
        name, _, value = line.partition("=")
        if name == "out_time_us" and value.lstrip("-").isdigit():
            self.seconds = max(0.0, int(value) / 1_000_000)
        elif name == "frame" and value.isdigit():
            self.frames = int(value)
        elif name in ("progress", ""):
            self._on_progress(min(1.0, self.seconds / self._duration))


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
