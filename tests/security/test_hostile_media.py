"""Hostile media: every file ends as a clear failure, read nothing else, and the worker goes on."""

import io
import re
import shutil
import socket
import struct
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.current import integrations
from app.database import db
from app.domain.videos import captions, ingest
from app.domain.videos.models import Video, VideoStatus
from app.errors import MediaInvalid, TranscodeFailed
from app.worker.transcode import transcode
from tests.support.media import make_source, run_ffmpeg, transcoder_of

FTYP = b"\0\0\0\x14ftypisom\0\0\0\0isom"
Write = Callable[[Path, Path, int], None]


def playlist(path: Path, canary: Path, port: int) -> None:
    path.write_text(_playlist(canary, port))


def playlist_with_a_box(path: Path, canary: Path, port: int) -> None:
    path.write_bytes(FTYP + b"\n" + _playlist(canary, port).encode())


def _playlist(canary: Path, port: int) -> str:
    urls = (f"http://127.0.0.1:{port}/a.ts", f"file://{canary}", str(canary))
    segments = "".join(f"#EXTINF:4,\n{url}\n" for url in urls)
    return f"#EXTM3U\n#EXT-X-TARGETDURATION:4\n{segments}#EXT-X-ENDLIST\n"


def concat_script(path: Path, canary: Path, _port: int) -> None:
    path.write_text(f"ffconcat version 1.0\nfile '{canary}'\n")


def concat_script_with_a_box(path: Path, canary: Path, _port: int) -> None:
    path.write_bytes(FTYP + f"\nffconcat version 1.0\nfile '{canary}'\n".encode())


def dash_manifest(path: Path, _canary: Path, port: int) -> None:
    base = f"<BaseURL>http://127.0.0.1:{port}/</BaseURL>"
    path.write_text(f'<?xml version="1.0"?><MPD><Period>{base}</Period></MPD>')


def session_description(path: Path, _canary: Path, port: int) -> None:
    path.write_text(f"v=0\nc=IN IP4 127.0.0.1\nm=video {port} RTP/AVP 96\n")


def svg_with_a_script(path: Path, canary: Path, _port: int) -> None:
    entity = f'<!DOCTYPE svg [<!ENTITY x SYSTEM "file://{canary}">]>'
    path.write_text(f"{entity}<svg xmlns='http://www.w3.org/2000/svg'><script>&x;</script></svg>")


def zip_bomb(path: Path, _canary: Path, _port: int) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.mp4", bytes(64 * 1024**2))


def box_longer_than_the_world(path: Path, _canary: Path, _port: int) -> None:
    path.write_bytes(FTYP + struct.pack(">I4sQ", 1, b"moov", 2**62) + bytes(64))


def boxes_in_boxes(path: Path, _canary: Path, _port: int) -> None:
    inner = b""
    for _ in range(2000):
        inner = struct.pack(">I4s", 8 + len(inner), b"moov") + inner
    path.write_bytes(FTYP + inner)


def matroska_of_nothing(path: Path, _canary: Path, _port: int) -> None:
    path.write_bytes(b"\x1aE\xdf\xa3" + b"\x01" + b"\xff" * 4096)


def giant_picture(path: Path, canary: Path, _port: int) -> None:
    """JPEG pictures in an AVI, whose own headers then claim 65,500 lines of 65,500 pixels."""
    small = path.with_suffix(".small.avi")
    run_ffmpeg("-i", canary, "-t", "0.5", "-an", "-c:v", "mjpeg", small)
    raw = small.read_bytes()
    size = struct.pack(">HH", 65_500, 65_500)
    patched = re.sub(rb"(\xff\xc0\x00.\x08)....", lambda m: m[1] + size, raw, flags=re.DOTALL)
    assert patched != raw
    path.write_bytes(patched)


def wide_picture(path: Path, _canary: Path, _port: int) -> None:
    source = ["-f", "lavfi", "-i", "color=s=9000x32:r=5:d=0.4", "-c:v", "mjpeg"]
    run_ffmpeg(*source, path.with_suffix(".avi"))
    shutil.move(path.with_suffix(".avi"), path)


def half_of_it(path: Path, canary: Path, _port: int) -> None:
    whole = canary.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


CORPUS: tuple[Write, ...] = (
    playlist,
    playlist_with_a_box,
    concat_script,
    concat_script_with_a_box,
    dash_manifest,
    session_description,
    svg_with_a_script,
    zip_bomb,
    box_longer_than_the_world,
    boxes_in_boxes,
    matroska_of_nothing,
    giant_picture,
    wide_picture,
    half_of_it,
)


@pytest.fixture(scope="module")
def canary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good video: whoever is led to it has something to show, and so gives itself away."""
    path = tmp_path_factory.mktemp("canary") / "secret.mp4"
    return make_source(path, seconds=3, size="320x240", rate="15")


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A server that nobody may knock at."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server
        with pytest.raises(BlockingIOError):
            server.accept()


def _written(write: Write, tmp_path: Path, canary: Path, listener: socket.socket) -> Path:
    path = tmp_path / "upload.mp4"
    write(path, canary, listener.getsockname()[1])
    return path


@pytest.mark.no_database
@pytest.mark.parametrize("write", CORPUS, ids=lambda write: write.__name__)
def test_it_is_refused_with_a_reason_and_reads_nothing_else(
    write: Write, tmp_path: Path, canary: Path, listener: socket.socket
) -> None:
    path = _written(write, tmp_path, canary, listener)
    with pytest.raises(MediaInvalid) as refused:
        transcoder_of().probe(path)
    assert str(tmp_path) not in refused.value.detail
    assert 20 < len(refused.value.detail) < 300


@pytest.mark.no_database
@pytest.mark.parametrize("write", CORPUS[:6], ids=lambda write: write.__name__)
def test_past_the_probe_the_encoders_own_lists_hold(
    write: Write, tmp_path: Path, canary: Path, listener: socket.socket
) -> None:
    path = _written(write, tmp_path, canary, listener)
    with pytest.raises(TranscodeFailed):
        transcoder_of().decode(path, 3.0, lambda _: None)
    with pytest.raises(TranscodeFailed):
        transcoder_of().measure_loudness(path, 3.0, lambda _: None)


@pytest.mark.usefixtures("committed_app")
def test_the_worker_survives_them_all_and_prepares_the_next(
    tmp_path: Path, canary: Path, listener: socket.socket
) -> None:
    """As uploads bring them: the bytes lie in storage, whatever they are."""
    worst = (playlist_with_a_box, giant_picture, box_longer_than_the_world, half_of_it)
    for video_id in [_stored(_written(write, tmp_path, canary, listener)) for write in worst]:
        transcode(video_id, lambda: False)
        video = db.session.get_one(Video, video_id, populate_existing=True)
        assert (video.status, video.error_code) == (VideoStatus.FAILED, "MEDIA_INVALID")
        assert integrations.storage.list_keys(f"media/{video_id}") == []
        db.session.rollback()
    good_id = ingest.add_from_file(canary, "Good").id
    db.session.commit()
    transcode(good_id, lambda: False)
    assert db.session.get_one(Video, good_id).status is VideoStatus.READY


def _stored(path: Path) -> UUID:
    key = f"sources/{uuid4()}/source.mp4"
    integrations.storage.put_file(key, path, "video/mp4")
    video = Video(title="Hostile", source_key=key, source_bytes=path.stat().st_size)
    db.session.add(video)
    db.session.commit()
    return video.id


@pytest.mark.no_database
def test_what_hangs_on_the_end_of_a_video_is_not_looked_at(tmp_path: Path, canary: Path) -> None:
    """A file that is a video and an archive at once is read as the one and never as the other."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("index.html", "<script>alert(1)</script>")
    path = tmp_path / "both.mp4"
    path.write_bytes(canary.read_bytes() + archive.getvalue())
    assert zipfile.is_zipfile(path)
    info = transcoder_of().probe(path)
    assert (info.width, info.container) == (320, "mp4")


@pytest.mark.no_database
@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    where=st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=40),
    value=st.integers(0, 255),
    is_head=st.booleans(),
)
def test_a_mutated_clip_is_described_or_refused_and_nothing_else(
    where: list[float], value: int, is_head: bool, tmp_path: Path, canary: Path
) -> None:
    raw = bytearray(canary.read_bytes())
    moov = raw.find(b"moov")
    first, length = (moov, len(raw) - moov) if is_head else (0, len(raw))
    for share in where:
        raw[first + int(share * length)] = value
    path = tmp_path / "mutated.mp4"
    path.write_bytes(raw)
    found = None
    with suppress(MediaInvalid):
        found = transcoder_of().probe(path)
    assert found is None or 0 < found.duration_seconds <= 12 * 3600


KNOWN_TAGS = re.compile(r"</?(?:[bicu]|v|lang|ruby|rt)(?:[ .\t][^<>]*)?>|<\d[\d:.]*>")


@pytest.mark.no_database
@pytest.mark.parametrize(
    "said",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<b><svg/onload=alert(1)>",
        "<scr<b>ipt>alert(1)</scr</b>ipt>",
        "<iframe src=javascript:alert(1)",
        "<STYLE>*{background:url(//evil)}</STYLE>",
    ],
)
def test_markup_in_captions_is_taken_out(said: str) -> None:
    made = captions.clean(f"WEBVTT\n\n00:01.000 --> 00:02.000\n{said}\n")
    assert "<" not in KNOWN_TAGS.sub("", made).replace("-->", "")


@pytest.mark.no_database
@given(st.text(alphabet="<>/ab cv.\n-0:1\tsriptx=\"'&;", max_size=120))
def test_captions_hold_no_tag_but_their_own_whatever_is_written(said: str) -> None:
    made = captions.clean(f"WEBVTT\n\n00:01.000 --> 00:02.000\n{said}\n")
    for line in made.split("\n"):
        if "-->" not in line:
            assert "<" not in KNOWN_TAGS.sub("", line), line


@pytest.mark.no_database
def test_captions_of_nothing_but_brackets_cost_no_time_and_no_memory() -> None:
    tracemalloc.start()
    captions.clean("WEBVTT\n\n00:01.000 --> 00:02.000\n" + "<" * 900_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 200 * 1024**2
