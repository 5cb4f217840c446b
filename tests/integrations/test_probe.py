"""Probing real files: every container that is let in, and the hostile ones that are not."""

import socket
from fractions import Fraction
from pathlib import Path

import pytest

from app.errors import MediaInvalid, TranscodeFailed
from app.integrations.ffmpeg_transcoder import FfmpegTranscoder
from app.integrations.transcoder import EncodeJob, VideoRung
from tests.support.media import CAMERA, make_source, run_ffmpeg

pytestmark = pytest.mark.no_database

SMALL = VideoRung("180p", 320, 180, 28, 900_000)


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
