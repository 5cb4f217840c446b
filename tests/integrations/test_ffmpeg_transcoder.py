"""Probing and encoding real files: what is let in, and what comes out."""

import re
import socket
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import pytest

from app.config import ConfigurationError, load_settings
from app.errors import MediaInvalid, TranscodeFailed
from app.integrations.ffmpeg_transcoder import FfmpegTranscoder
from app.integrations.transcoder import AudioRung, EncodedRung, EncodeJob, Rung, VideoRung
from tests.support.media import CAMERA, SCREEN, make_source, run_ffmpeg

pytestmark = pytest.mark.no_database

SOUND = AudioRung("audio", 64_000, 1)
SMALL = VideoRung("180p", 320, 180, 28, 900_000)
SMALLER = VideoRung("90p", 160, 90, 28, 900_000)
THINNED = VideoRung("90low", 160, 90, 28, 900_000, frame_step=2)


def transcoder_of(**environment: str) -> FfmpegTranscoder:
    return FfmpegTranscoder(load_settings({"DATABASE_URL": "postgresql://x", **environment}))


@pytest.fixture(scope="module")
def transcoder() -> FfmpegTranscoder:
    return transcoder_of()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sources")


@pytest.fixture(scope="module")
def source(folder: Path) -> Path:
    return make_source(folder / "camera.mp4", seconds=9.5, size="320x180")


def job_of(
    transcoder: FfmpegTranscoder, source: Path, target: Path, rungs: list[Rung], seconds: float
) -> EncodeJob:
    info = transcoder.probe(source)
    rate = Fraction(30)
    return EncodeJob(source, info, rate, round(seconds * rate), rungs, target)


def joined(rung: EncodedRung, target: Path) -> Path:
    target.write_bytes(b"".join(path.read_bytes() for path in (rung.init, *rung.segments)))
    return target


class TestProbe:
    @pytest.mark.parametrize(
        ("suffix", "container"),
        [(".mp4", "mp4"), (".mov", "mp4"), (".mkv", "matroska"), (".avi", "avi")],
    )
    def test_every_container_is_read(
        self, transcoder: FfmpegTranscoder, tmp_path: Path, suffix: str, container: str
    ) -> None:
        path = make_source(tmp_path / f"a{suffix}", seconds=3, size="320x180", rate="25")
        info = transcoder.probe(path)
        assert info.container == container
        assert (info.width, info.height, info.video_codec) == (320, 180, "h264")
        assert info.frame_rate == 25
        assert info.audio_channels == 2
        assert info.duration_seconds == pytest.approx(3, abs=0.1)

    def test_webm_is_read(self, transcoder: FfmpegTranscoder, tmp_path: Path) -> None:
        path = tmp_path / "a.webm"
        picture = CAMERA.format(size="160x90", rate="15")
        options = ["-c:v", "libvpx", "-deadline", "realtime"]
        run_ffmpeg("-t", "2", "-f", "lavfi", "-i", picture, *options, path)
        info = transcoder.probe(path)
        assert (info.container, info.video_codec, info.has_audio) == ("matroska", "vp8", False)

    def test_sizes_are_as_displayed(self, transcoder: FfmpegTranscoder, tmp_path: Path) -> None:
        turned = make_source(tmp_path / "a.mp4", seconds=1, size="320x180")
        run_ffmpeg("-display_rotation", "90", "-i", turned, "-c", "copy", tmp_path / "b.mp4")
        info = transcoder.probe(tmp_path / "b.mp4")
        assert (info.width, info.height) == (180, 320)
        wide = make_source(
            tmp_path / "c.mp4", seconds=1, size="320x240", extra=("-vf", "setsar=4/3")
        )
        info = transcoder.probe(wide)
        assert (info.width, info.height) == (427, 240)

    def test_a_cover_picture_is_not_the_video(
        self, transcoder: FfmpegTranscoder, source: Path, tmp_path: Path
    ) -> None:
        cover = tmp_path / "cover.jpg"
        run_ffmpeg("-f", "lavfi", "-i", "color=s=600x600", "-frames:v", "1", cover)
        path = tmp_path / "a.mp4"
        maps = ["-map", "1", "-map", "0", "-c", "copy", "-disposition:v:0", "attached_pic"]
        run_ffmpeg("-i", source, "-i", cover, *maps, path)
        assert transcoder.probe(path).width == 320


class TestHostileSources:
    def refused(self, transcoder: FfmpegTranscoder, path: Path) -> str:
        with pytest.raises(MediaInvalid) as caught:
            transcoder.probe(path)
        return caught.value.detail

    @pytest.mark.parametrize("head", [b"", b"Dear teacher,\n" * 50, b"\x7fELF" + b"\0" * 500])
    def test_what_is_no_video_is_refused_unopened(
        self, transcoder: FfmpegTranscoder, tmp_path: Path, head: bytes
    ) -> None:
        path = tmp_path / "letter.mp4"
        path.write_bytes(head)
        assert "no MP4, MOV" in self.refused(transcoder, path)

    def test_a_playlist_named_mp4_fetches_nothing(
        self, transcoder: FfmpegTranscoder, tmp_path: Path
    ) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.settimeout(0.2)
            url = f"http://127.0.0.1:{server.getsockname()[1]}/secret.ts"
            playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n{url}\n#EXT-X-ENDLIST\n"
            path = tmp_path / "playlist.mp4"
            path.write_text(playlist)
            self.refused(transcoder, path)
            disguised = tmp_path / "disguised.mp4"
            disguised.write_bytes(b"\0\0\0\x14ftypisom\0\0\0\0isom" + playlist.encode())
            self.refused(transcoder, disguised)
            with pytest.raises(TimeoutError):
                server.accept()

    def test_ffmpeg_itself_opens_no_playlist(
        self, transcoder: FfmpegTranscoder, source: Path, tmp_path: Path
    ) -> None:
        """Even past the probe: the encoder's own whitelists hold."""
        info = transcoder.probe(source)
        path = tmp_path / "playlist.mp4"
        path.write_text(f"#EXTM3U\n#EXTINF:4,\n{source}\n#EXT-X-ENDLIST\n")
        job = EncodeJob(path, info, Fraction(30), 30, [SMALL], tmp_path / "out")
        with pytest.raises(TranscodeFailed, match=r"whitelist|Invalid|Error opening"):
            transcoder.encode(job, lambda _: None)

    def test_a_subtitle_disguised_as_matroska_is_refused(
        self, transcoder: FfmpegTranscoder, tmp_path: Path
    ) -> None:
        path = tmp_path / "a.mkv"
        path.write_bytes(b"\x1aE\xdf\xa3" + b"\0" * 4096)
        self.refused(transcoder, path)

    def test_first_bytes_and_content_must_agree(
        self, transcoder: FfmpegTranscoder, tmp_path: Path
    ) -> None:
        whole = make_source(tmp_path / "a.avi", seconds=1, size="160x90").read_bytes()
        path = tmp_path / "b.mp4"
        path.write_bytes(b"\0\0\0\x08free" + whole)
        self.refused(transcoder, path)

    def test_sound_alone_is_no_video(self, transcoder: FfmpegTranscoder, tmp_path: Path) -> None:
        path = tmp_path / "a.mp4"
        run_ffmpeg("-f", "lavfi", "-i", "sine", "-t", "2", "-c:a", "aac", path)
        assert "no picture" in self.refused(transcoder, path)

    @pytest.mark.parametrize("share", [0.3, 0.6])
    @pytest.mark.parametrize("flags", [(), ("-movflags", "+faststart")])
    def test_a_truncated_file_is_refused(
        self,
        transcoder: FfmpegTranscoder,
        source: Path,
        tmp_path: Path,
        share: float,
        flags: tuple[str, ...],
    ) -> None:
        whole, cut = tmp_path / "whole.mp4", tmp_path / "cut.mp4"
        run_ffmpeg("-i", source, "-c", "copy", *flags, whole)
        data = whole.read_bytes()
        cut.write_bytes(data[: int(len(data) * share)])
        detail = self.refused(transcoder, cut)
        assert ("file ends after" in detail) == bool(flags)

    def test_a_truncated_matroska_is_refused(
        self, transcoder: FfmpegTranscoder, source: Path, tmp_path: Path
    ) -> None:
        whole, cut = tmp_path / "whole.mkv", tmp_path / "cut.mkv"
        run_ffmpeg("-i", source, "-c", "copy", whole)
        cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
        assert "file ends after" in self.refused(transcoder, cut)

    def test_a_picture_of_a_few_pixels_is_refused(
        self, transcoder: FfmpegTranscoder, tmp_path: Path
    ) -> None:
        path = make_source(
            tmp_path / "a.mp4", seconds=1, size="8x8", picture="color=s={size}:r={rate}"
        )
        assert "8 x 8" in self.refused(transcoder, path)

    def test_the_refusal_names_no_path(self, transcoder: FfmpegTranscoder, tmp_path: Path) -> None:
        path = tmp_path / "a.mp4"
        path.write_bytes(b"\0\0\0\x14ftypisom\0\0\0\0isom" + b"\xff" * 3000)
        assert str(tmp_path) not in self.refused(transcoder, path)


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
        data = bytearray(path.read_bytes())
        middle = len(data) // 2
        data[middle : middle + 4000] = bytes(4000)
        path.write_bytes(data)
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
