"""A whole transcode with the real ffmpeg: what is told, what is stored, and what is undone."""

import dataclasses
import math
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import av
import pytest
from flask import Flask

from app.current import integrations, settings
from app.domain.videos import encryption, playlists, transcoding
from app.domain.videos.generations import Publication, Work
from app.domain.videos.models import Rendition, RenditionKind
from app.domain.videos.sources import Progress, Stage
from app.domain.videos.transcoding import Step
from app.domain.videos.verification import VerificationFailed
from app.errors import DomainError, MediaInvalid, StorageFull, StorageUnavailable, TranscodeFailed
from app.integrations.local_storage import LocalStorage
from tests.support.media import SCREEN, make_source

SECONDS = 22.0
RATE = 15


@dataclass
class Told:
    """Everything a transcode told, in order."""

    steps: list[Step] = field(default_factory=list)

    def __call__(self, step: Step) -> None:
        self.steps.append(step)

    @property
    def publications(self) -> list[Publication]:
        return [step for step in self.steps if isinstance(step, Publication)]

    @property
    def progress(self) -> list[Progress]:
        return [step for step in self.steps if isinstance(step, Progress)]

    @property
    def rungs(self) -> dict[str, Rendition]:
        return {r.name: r for made in self.publications for r in made.renditions}

    @property
    def keys(self) -> dict[int, bytes]:
        return dict(self.publications[-1].keys)


@dataclass(frozen=True)
class Done:
    """A finished transcode."""

    work: Work
    told: Told

    def stored(self, name: str) -> bytes:
        with integrations.storage.open(f"{self.work.prefix}/{name}") as file:
            return file.read()

    def clear(self, rung: str) -> bytes:
        """Return init and opened segments of a rung, joined as a player joins them."""
        segments = playlists.read_segments(self.told.rungs[rung].playlist)
        opened = [
            encryption.decrypt(self.stored(s.name), self.told.keys[s.window], s.iv)
            for s in segments
        ]
        return b"".join([self.stored(f"{rung}/init.mp4"), *opened])


def work_on(source: Path, **values: object) -> Work:
    key = f"sources/{uuid4()}/source.mp4"
    integrations.storage.put_file(key, source, "video/mp4")
    work = Work(uuid4(), 1, 1, key, is_served=False, published={}, keys={})
    return dataclasses.replace(work, **values)  # type: ignore[arg-type]


def leftovers(work: Work) -> list[str]:
    scratch = settings.data_dir / transcoding.WORK_FOLDER
    beside = [path.name for path in scratch.glob("*")] if scratch.exists() else []
    return [*integrations.storage.list_keys(work.prefix), *beside]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("source") / "camera.mp4"
    return make_source(path, seconds=SECONDS, size="640x360", rate=str(RATE))


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("source") / "short.mp4"
    return make_source(path, seconds=5, size="320x240", rate="15")


@pytest.fixture(scope="module")
def camera(app: Flask, source: Path) -> Done:
    with app.app_context():
        done = Done(work_on(source), Told())
        transcoding.run(done.work, done.told)
    return done


def test_it_can_be_watched_before_it_is_complete(camera: Done) -> None:
    first, last = camera.told.publications
    assert {rendition.name for rendition in first.renditions} == {"360p", "audio"}
    assert {rendition.name for rendition in last.renditions} == {"240p"}
    assert (first.is_complete, last.is_complete) == (False, True)
    assert first.duration_seconds == last.duration_seconds == SECONDS
    assert (first.width, first.height) == (640, 360)


def test_progress_only_rises(camera: Done) -> None:
    percents = [step.percent for step in camera.told.progress]
    assert percents == sorted(percents)
    assert percents[0] == 0
    assert 95 <= percents[-1] <= 100
    assert {step.stage for step in camera.told.progress} == set(Stage)


def test_every_rung_is_cut_at_the_same_instants(camera: Done) -> None:
    rungs = camera.told.rungs
    durations = {
        name: [s.duration for s in playlists.read_segments(rungs[name].playlist)]
        for name in ("360p", "240p", "audio")
    }
    assert durations["360p"] == durations["240p"] == ["4.000000"] * 5 + ["2.000000"]
    assert len(durations["audio"]) == 6


def test_every_segment_opens_with_its_windows_key_and_decodes(camera: Done, tmp_path: Path) -> None:
    for rung in ("360p", "240p", "audio"):
        path = tmp_path / f"{rung}.mp4"
        path.write_bytes(camera.clear(rung))
        with av.open(str(path)) as container:
            frames = list(container.decode(container.streams[0]))
        if rung == "audio":
            samples = sum(frame.samples for frame in frames)
            assert samples / 48_000 == pytest.approx(SECONDS, abs=0.03)
        else:
            assert len(frames) == SECONDS * RATE


def test_keys_change_every_five_segments_and_are_shared_by_rungs(camera: Done) -> None:
    assert set(camera.told.keys) == {0, 1}
    assert camera.told.keys[0] != camera.told.keys[1]
    first, last = camera.told.publications
    assert dict(first.keys) == dict(last.keys)
    for rung in camera.told.rungs.values():
        windows = [segment.window for segment in playlists.read_segments(rung.playlist)]
        assert windows == [0, 0, 0, 0, 0, 1]


def test_the_other_windows_key_opens_nothing(camera: Done) -> None:
    segments = playlists.read_segments(camera.told.rungs["360p"].playlist)
    ciphertext = camera.stored(segments[5].name)
    try:
        opened = encryption.decrypt(ciphertext, camera.told.keys[0], segments[5].iv)
    except ValueError:
        return
    assert b"moof" not in opened[:200]


def test_what_lies_in_storage_is_noise(camera: Done) -> None:
    taken_for: list[str] = []
    for name in ("360p/00000.m4s", "240p/00003.m4s", "audio/00005.m4s"):
        ciphertext = camera.stored(name)
        assert not any(box in ciphertext[:64] for box in (b"ftyp", b"styp", b"moof", b"sidx"))
        counts = Counter(ciphertext)
        entropy = -sum(
            n / len(ciphertext) * math.log2(n / len(ciphertext)) for n in counts.values()
        )
        assert entropy > 7.9
        with suppress(av.FFmpegError):
            path = integrations.storage.local_path(f"{camera.work.prefix}/{name}")
            taken_for.append(av.open(str(path)).format.name)
    # Of 1,500 pieces of true noise ffmpeg took eight for H.263 or the words of a song.
    assert len(taken_for) <= 1, taken_for
    assert not any("mp4" in kind for kind in taken_for)


def test_storage_holds_what_the_playlists_name_and_a_poster(camera: Done) -> None:
    expected = {"poster.jpg", "storyboard/00000.jpg"}
    for name, rung in camera.told.rungs.items():
        expected.add(f"{name}/init.mp4")
        expected |= {segment.name for segment in playlists.read_segments(rung.playlist)}
    keys = integrations.storage.list_keys(camera.work.prefix)
    assert {key.removeprefix(f"{camera.work.prefix}/") for key in keys} == expected
    assert camera.told.publications[0].poster_key == f"{camera.work.prefix}/poster.jpg"
    assert camera.stored("poster.jpg").startswith(b"\xff\xd8")


def test_rungs_are_described_for_the_master_playlist(camera: Done) -> None:
    high, low = camera.told.rungs["360p"], camera.told.rungs["240p"]
    audio = camera.told.rungs["audio"]
    assert (high.width, high.height, high.frame_rate) == (640, 360, 15.0)
    assert high.codecs.startswith("avc1.64")
    assert (audio.kind, audio.codecs, audio.width) == (RenditionKind.AUDIO, "mp4a.40.2", None)
    assert high.average_bandwidth > low.average_bandwidth > audio.average_bandwidth > 40_000
    for rung in (high, low, audio):
        assert rung.peak_bandwidth >= rung.average_bandwidth
        assert rung.segment_count == 6
        sizes = [len(camera.stored(s.name)) for s in playlists.read_segments(rung.playlist)]
        assert rung.size_bytes == sum(sizes) + len(camera.stored(f"{rung.name}/init.mp4"))


def test_nothing_is_left_in_the_scratch_folder(camera: Done) -> None:
    scratch = settings.data_dir / transcoding.WORK_FOLDER
    assert list(scratch.iterdir()) == []


def test_a_screen_keeps_its_size_on_both_rungs(tmp_path: Path) -> None:
    path = make_source(tmp_path / "a.mp4", seconds=6, size="640x360", picture=SCREEN, sound=None)
    done = Done(work_on(path), Told())
    transcoding.run(done.work, done.told)
    rungs = done.told.rungs
    assert set(rungs) == {"360p", "360low", "audio"}
    assert rungs["360low"].height == 360
    assert (rungs["360p"].frame_rate, rungs["360low"].frame_rate) == (30.0, 15.0)
    assert rungs["360low"].average_bandwidth < rungs["360p"].average_bandwidth


def test_a_title_that_is_served_changes_only_when_all_is_made(short: Path) -> None:
    work, told = work_on(short, is_served=True, generation=2), Told()
    transcoding.run(work, told)
    (publication,) = told.publications
    assert publication.is_complete
    assert {rendition.name for rendition in publication.renditions} == {"240p", "240low", "audio"}


def test_a_second_attempt_makes_only_what_is_missing(short: Path) -> None:
    first = Done(work_on(short), Told())

    def lose_power(step: Step) -> None:
        first.told(step)
        if first.told.publications:
            raise SystemExit

    with pytest.raises(SystemExit):
        transcoding.run(first.work, lose_power)
    published = {name: rung.playlist for name, rung in first.told.rungs.items()}
    before = {key: integrations.storage.local_path(key) for key in _keys(first.work, published)}
    stamps = {key: path.stat().st_mtime_ns for key, path in before.items() if path}

    second = Done(
        dataclasses.replace(
            first.work, attempt=2, is_served=True, published=published, keys=first.told.keys
        ),
        Told(),
    )
    transcoding.run(second.work, second.told)
    (publication,) = second.told.publications
    assert publication.is_complete
    assert {rendition.name for rendition in publication.renditions} == {"240p"}
    assert second.told.keys == first.told.keys
    for key, stamp in stamps.items():
        path = integrations.storage.local_path(key)
        assert path is not None
        assert path.stat().st_mtime_ns == stamp


def _keys(work: Work, names: dict[str, str]) -> list[str]:
    keys = integrations.storage.list_keys(work.prefix)
    return [key for key in keys if key.split("/")[3] in names]


def test_published_rungs_that_do_not_fit_are_not_completed(short: Path) -> None:
    """Rungs that an earlier, other encoder cut differently never mix with new ones."""
    alien = playlists.render_media_template("240low", [6.0], [bytes(16)])
    work = work_on(short, is_served=True, published={"240low": alien}, attempt=2)
    with pytest.raises(VerificationFailed, match="cut at different times"):
        transcoding.run(work, Told())
    assert leftovers(work) == []


class Stop(Exception):
    """Raised by the teller to end the work."""


def stop_when(condition: Callable[[Progress], bool]) -> Callable[[Step], None]:
    def tell(step: Step) -> None:
        if isinstance(step, Progress) and condition(step):
            raise Stop

    return tell


@pytest.mark.parametrize("stage", list(Stage))
def test_what_is_stopped_leaves_nothing(short: Path, stage: Stage) -> None:
    work = work_on(short)
    with pytest.raises(Stop):
        transcoding.run(work, stop_when(lambda step: step.stage is stage and step.percent > 0))
    assert leftovers(work) == []


def test_a_source_that_is_no_video_fails_without_a_trace(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"\0\0\0\x14ftypisom\0\0\0\0isom" + bytes(2000))
    work = work_on(path)
    with pytest.raises(MediaInvalid):
        transcoding.run(work, Told())
    assert leftovers(work) == []


class FaultyStorage(LocalStorage):
    """A storage that keeps one segment wrong, refuses it, or is full when it comes."""

    def __init__(self, root: Path, fault: Callable[[bytes], bytes]) -> None:
        super().__init__(root)
        self._fault = fault

    def put_bytes(self, key: str, data: bytes, content_type: str) -> None:
        if key.endswith("00001.m4s"):
            data = self._fault(data)
        super().put_bytes(key, data, content_type)


def flip(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes(256) + data[middle + 256 :]


def cut(data: bytes) -> bytes:
    return data[:-16]


def swap(data: bytes) -> bytes:
    return bytes(len(data))


def refuse(data: bytes) -> bytes:
    raise StorageUnavailable


def full(data: bytes) -> bytes:
    raise StorageFull


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (flip, TranscodeFailed),
        (cut, VerificationFailed),
        (swap, VerificationFailed),
        (refuse, StorageUnavailable),
        (full, StorageFull),
    ],
)
def test_a_segment_that_storage_did_not_keep_is_never_published(
    app: Flask,
    monkeypatch: pytest.MonkeyPatch,
    short: Path,
    fault: Callable[[bytes], bytes],
    error: type[DomainError],
) -> None:
    faulty = FaultyStorage(settings.media_directory, fault)
    changed = dataclasses.replace(app.extensions["integrations"], storage=faulty)
    monkeypatch.setitem(app.extensions, "integrations", changed)
    work, told = work_on(short), Told()
    with pytest.raises(error):
        transcoding.run(work, told)
    assert told.publications == []
    assert leftovers(work) == []
