"""Encoding real files: segments, sound in step, posters, and which ffmpeg is run."""

import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import pytest

from app.config import ConfigurationError, load_settings
from app.errors import TranscodeFailed
from app.integrations.ffmpeg_transcoder import FfmpegTranscoder
from app.integrations.transcoder import AudioRung, EncodedRung, EncodeJob, Rung, VideoRung
from tests.support.media import CAMERA, SCREEN, make_source, run_ffmpeg, transcoder_of

pytestmark = pytest.mark.no_database

SOUND = AudioRung("audio", 64_000, 1)
SMALL = VideoRung("180p", 320, 180, 28, 900_000)
SMALLER = VideoRung("90p", 160, 90, 28, 900_000)
THINNED = VideoRung("90low", 160, 90, 28, 900_000, frame_step=2)


def job_of(
    transcoder: FfmpegTranscoder, source: Path, target: Path, rungs: list[Rung], seconds: float
) -> EncodeJob:
    info = transcoder.probe(source)
    rate = Fraction(30)
    return EncodeJob(source, info, rate, round(seconds * rate), rungs, target)


def joined(rung: EncodedRung, target: Path) -> Path:
    target.write_bytes(b"".join(path.read_bytes() for path in (rung.init, *rung.segments)))
    return target


@pytest.fixture(scope="module")
def encoded(
    transcoder: FfmpegTranscoder, source: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, EncodedRung]:
    told: list[float] = []
    target = tmp_path_factory.mktemp("encoded")
    rungs = [SMALL, SMALLER, THINNED, SOUND]
    job = job_of(transcoder, source, target, rungs, 9.4)
    made = transcoder.encode(job, told.append)
    assert told == sorted(told)
    assert told[-1] > 0.95
    return {rung.rung.name: rung for rung in made}


class TestEncode:
    def test_pictures_are_cut_alike_every_four_seconds(
        self, encoded: dict[str, EncodedRung]
    ) -> None:
        for name in ("180p", "90p", "90low"):
            assert encoded[name].durations == (4.0, 4.0, 1.4)
            assert len(encoded[name].segments) == 3

    def test_sound_is_cut_within_a_frame_of_the_pictures(
        self, encoded: dict[str, EncodedRung]
    ) -> None:
        durations = encoded["audio"].durations
        assert len(durations) == 3
        assert durations[0] == pytest.approx(4, abs=1024 / 48_000)
        assert sum(durations) == pytest.approx(9.4, abs=1024 / 48_000)

    def test_every_segment_starts_with_a_key_frame(
        self, encoded: dict[str, EncodedRung], tmp_path: Path
    ) -> None:
        rung = encoded["180p"]
        for segment in rung.segments:
            path = tmp_path / "one.mp4"
            path.write_bytes(rung.init.read_bytes() + segment.read_bytes())
            with av.open(str(path)) as container:
                packets = [p for p in container.demux(video=0) if p.size]
            assert packets[0].is_keyframe
            assert [p.is_keyframe for p in packets[1:]].count(True) == 0

    def test_codecs_are_named_for_the_master_playlist(
        self, encoded: dict[str, EncodedRung]
    ) -> None:
        assert re.fullmatch(r"avc1\.64[0-9a-f]{4}", encoded["180p"].codecs)
        assert encoded["audio"].codecs == "mp4a.40.2"

    def test_a_strict_decode_counts_every_picture(
        self,
        transcoder: FfmpegTranscoder,
        encoded: dict[str, EncodedRung],
        tmp_path: Path,
    ) -> None:
        counts = {"180p": 282, "90p": 282, "90low": 141, "audio": 0}
        for name, frames in counts.items():
            decoded = transcoder.decode(
                joined(encoded[name], tmp_path / "all.mp4"), 9.4, lambda _: None
            )
            assert decoded.frames == frames
            assert decoded.duration_seconds == pytest.approx(9.4, abs=1 / 30)

    def test_a_strict_decode_stops_at_the_first_fault(
        self,
        transcoder: FfmpegTranscoder,
        encoded: dict[str, EncodedRung],
        tmp_path: Path,
    ) -> None:
        path = joined(encoded["180p"], tmp_path / "all.mp4")
        data = path.read_bytes()
        path.write_bytes(data[: len(data) // 2] + data[len(data) // 2 + 1000 :])
        with pytest.raises(TranscodeFailed):
            transcoder.decode(path, 9.4, lambda _: None)

    def test_nothing_of_the_source_is_told_by_the_output(
        self, transcoder: FfmpegTranscoder, source: Path, tmp_path: Path
    ) -> None:
        tagged = tmp_path / "tagged.mp4"
        tags = ["-metadata", "title=Secret working title", "-metadata", "location=+9.0+38.7/"]
        run_ffmpeg("-i", source, "-c", "copy", *tags, tagged)
        job = job_of(transcoder, tagged, tmp_path / "out", [SMALL, SOUND], 2)
        for rung in transcoder.encode(job, lambda _: None):
            data = joined(rung, tmp_path / "all.mp4").read_bytes()
            assert b"Secret" not in data
            assert b"+9.0" not in data


def test_sound_and_picture_are_in_step(transcoder: FfmpegTranscoder, tmp_path: Path) -> None:
    """A flash and a beep at the same instants stay together without an edit list."""
    path = tmp_path / "beeps.mp4"
    flash = "color=black:s=160x90:r=30,drawbox=c=white:t=fill:enable='lt(mod(t,2),0.1)'"
    beep = "aevalsrc='if(lt(mod(t,2),0.1),sin(2*PI*1000*t),0)':s=48000"
    inputs = ["-t", "8", "-f", "lavfi", "-i", flash, "-t", "8", "-f", "lavfi", "-i", beep]
    run_ffmpeg(*inputs, "-c:v", "libx264", "-c:a", "aac", path)
    job = job_of(transcoder, path, tmp_path / "out", [SMALLER, SOUND], 8)
    video, audio = transcoder.encode(job, lambda _: None)
    flashes = _onsets(joined(video, tmp_path / "v.mp4"), "video", _is_bright)
    beeps = _onsets(joined(audio, tmp_path / "a.mp4"), "audio", _is_loud)
    assert len(flashes) == len(beeps) == 4
    for seen, heard in zip(flashes, beeps, strict=True):
        assert heard == pytest.approx(seen, abs=0.034)


def _is_bright(frame: av.VideoFrame) -> bool:
    return memoryview(frame.planes[0])[40 * frame.planes[0].line_size + 80] > 128


def _is_loud(frame: av.AudioFrame) -> bool:
    return max(abs(value) for value in memoryview(frame.planes[0]).cast("B").cast("f")) > 0.3


def _onsets(path: Path, kind: str, is_on: Callable[[av.frame.Frame], bool]) -> list[float]:
    """Return when a signal goes on, counting from the track's own decode start (as MSE does)."""
    onsets, was_on, position = [], False, 0.0
    with av.open(str(path)) as container:
        for frame in container.decode(**{kind: 0}):
            step = 1 / 30 if kind == "video" else frame.samples / frame.sample_rate
            if is_on(frame) and not was_on:
                onsets.append(position)
            was_on = is_on(frame)
            position += step
    return onsets


def test_a_source_without_sound_gets_silence(transcoder: FfmpegTranscoder, tmp_path: Path) -> None:
    path = make_source(tmp_path / "a.mp4", seconds=5, size="160x90", sound=None)
    job = job_of(transcoder, path, tmp_path / "out", [SMALLER, SOUND], 5)
    video, audio = transcoder.encode(job, lambda _: None)
    decoded = transcoder.decode(joined(audio, tmp_path / "a.m4a"), 5, lambda _: None)
    assert decoded.duration_seconds == pytest.approx(5, abs=0.03)
    assert len(audio.segments) == len(video.segments)


def test_sound_longer_than_the_picture_holds_the_last_picture(
    transcoder: FfmpegTranscoder, tmp_path: Path
) -> None:
    path = tmp_path / "a.mkv"
    inputs = ["-t", "3", "-f", "lavfi", "-i", CAMERA.format(size="160x90", rate="30")]
    inputs += ["-t", "6", "-f", "lavfi", "-i", "sine"]
    run_ffmpeg(*inputs, "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", path)
    info = transcoder.probe(path)
    assert info.duration_seconds == pytest.approx(6, abs=0.1)
    job = job_of(transcoder, path, tmp_path / "out", [SMALLER, SOUND], 6)
    video, _ = transcoder.encode(job, lambda _: None)
    assert sum(video.durations) == 6.0


def test_interlaced_pictures_are_woven(transcoder: FfmpegTranscoder, tmp_path: Path) -> None:
    path = make_source(
        tmp_path / "a.mp4",
        seconds=2,
        size="320x180",
        extra=("-vf", "interlace", "-flags", "+ilme+ildct", "-x264-params", "tff=1"),
    )
    info = transcoder.probe(path)
    assert info.is_interlaced
    job = job_of(transcoder, path, tmp_path / "out", [SMALLER], 2)
    (video,) = transcoder.encode(job, lambda _: None)
    assert video.durations == (2.0,)


def test_what_the_callback_raises_stops_the_encoder(
    transcoder: FfmpegTranscoder, source: Path, tmp_path: Path
) -> None:
    class Stop(Exception):
        pass

    def stop(_: float) -> None:
        raise Stop

    with pytest.raises(Stop):
        transcoder.encode(job_of(transcoder, source, tmp_path / "out", [SMALL], 9), stop)


def test_a_screen_costs_fewer_bits_than_a_camera(
    transcoder: FfmpegTranscoder, source: Path, tmp_path: Path
) -> None:
    screen = make_source(tmp_path / "screen.mp4", seconds=6, size="640x360", picture=SCREEN)
    density = {}
    for path in (source, screen):
        sample = transcoder.sample(path, transcoder.probe(path), tmp_path)
        density[path] = sample.bits_per_second / (sample.width * sample.height)
    assert density[screen] < 0.5 < 2 < density[source]
    assert not list(tmp_path.glob("*.h264"))


def test_a_poster_is_taken(transcoder: FfmpegTranscoder, source: Path, tmp_path: Path) -> None:
    target = tmp_path / "poster.jpg"
    transcoder.make_poster(source, transcoder.probe(source), target)
    with av.open(str(target)) as image:
        frame = next(image.decode(video=0))
    assert (frame.width, frame.height) == (320, 180)


class TestBinary:
    def test_the_setting_comes_first(self, source: Path, tmp_path: Path) -> None:
        marker = tmp_path / "used"
        program = tmp_path / "my-ffmpeg"
        program.write_text(f"#!/bin/sh\ntouch {marker}\nexit 1\n")
        program.chmod(0o755)
        transcoder = transcoder_of(FFMPEG_BIN=str(program))
        info = transcoder.probe(source)
        with pytest.raises(TranscodeFailed):
            transcoder.sample(source, info, tmp_path)
        assert marker.exists()

    def test_a_setting_that_names_nothing_is_refused(self, source: Path, tmp_path: Path) -> None:
        transcoder = transcoder_of(FFMPEG_BIN="/no/such/ffmpeg")
        with pytest.raises(ConfigurationError, match="FFMPEG_BIN"):
            transcoder.sample(source, transcoder.probe(source), tmp_path)

    def test_path_comes_last(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        program = tmp_path / "ffmpeg"
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))
        assert "imageio_ffmpeg" in transcoder_of()._ffmpeg
        monkeypatch.setattr("app.integrations.ffmpeg_transcoder._wheel_ffmpeg", lambda: None)
        assert transcoder_of()._ffmpeg == str(program)
        monkeypatch.setenv("PATH", "/nonexistent")
        with pytest.raises(ConfigurationError, match="No ffmpeg"):
            assert transcoder_of()._ffmpeg


def test_an_encoder_that_no_longer_moves_is_stopped_and_says_so(
    source: Path, tmp_path: Path
) -> None:
    program = tmp_path / "ffmpeg"
    program.write_text(
        "#!/bin/sh\nwhile :; do echo out_time_us=1500000; echo progress=continue; sleep 0.1; done\n"
    )
    program.chmod(0o755)
    settings = load_settings({"DATABASE_URL": "postgresql://x", "FFMPEG_BIN": str(program)})
    stuck = FfmpegTranscoder(settings, stall_seconds=0.5)
    with pytest.raises(TranscodeFailed, match="second 2 of 6") as caught:
        stuck.decode(source, 6.0, lambda _: None)
    assert caught.value.code == "TRANSCODE_STALLED"


def test_the_tools_words_name_no_folder(tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"\0\0\0\x14ftypisom\0\0\0\0isom" + bytes(2000))
    with pytest.raises(TranscodeFailed) as caught:
        transcoder_of().decode(broken, 6.0, lambda _: None)
    assert "broken.mp4" in caught.value.detail
    assert str(tmp_path) not in caught.value.detail
