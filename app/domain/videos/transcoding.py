"""A transcode from source to published generation. Holds no transaction: what is to be recorded
goes to `tell`, whose owner commits it and may raise to stop the work."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path, PurePosixPath

from app.current import integrations, settings
from app.domain.videos import keys, ladder, scratch, segments
from app.domain.videos.generations import Publication, Work
from app.domain.videos.ladder import AUDIO_NAME, Ladder
from app.domain.videos.models import Rendition
from app.domain.videos.verification import Verifier, verify_alignment
from app.errors import StorageFull, StorageUnavailable, TranscodeFailed
from app.integrations.transcoder import EncodeJob, MediaInfo, Rung

WORK_FOLDER = "work"
POSTER_NAME = "poster.jpg"
_ENCODING_SHARE = 0.8
_FIRST_BATCH_SHARE = 30
_READ_PERCENT = 5


class Stage(StrEnum):
    """What a transcode is at, for people who wait."""

    READING = "reading"
    ENCODING = "encoding"
    VERIFYING = "verifying"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the whole transcode is."""

    stage: Stage
    percent: int


Tell = Callable[[Progress | Publication], None]


class _Keys(dict[int, bytes]):
    """The generation's content keys by window; a missing one is made."""

    def __missing__(self, window: int) -> bytes:
        return self.setdefault(window, keys.new_key())


@dataclass(frozen=True, slots=True)
class _Batch:
    """Rungs made in one decode, and the part of the whole that they are, in percent.

    `is_start` says that nothing of the generation is published yet.
    """

    rungs: Sequence[Rung]
    start: int
    end: int
    is_start: bool

    def at(self, stage: Stage, fraction: float) -> Progress:
        """Return the progress of the whole when `fraction` of this batch is done."""
        return Progress(stage, round(self.start + (self.end - self.start) * fraction))


@dataclass(frozen=True, slots=True)
class _Title:
    """Everything that is known once the source was read."""

    work: Work
    source: Path
    info: MediaInfo
    ladder: Ladder
    scratch: Path
    keys: _Keys
    tell: Tell


def run(work: Work, tell: Tell) -> None:
    """Make, store and verify every missing rung of `work`; the last publication completes it.

    A title that nobody can watch yet is published as soon as its first rungs are verified. Raises
    MediaInvalid, TranscodeFailed, StorageFull, StorageUnavailable, and whatever `tell` raises;
    rungs that were not published are then gone from storage.
    """
    root = settings.data_dir / WORK_FOLDER
    scratch.sweep(root)
    with scratch.folder(root, f"{work.video_id}-{work.generation}") as folder:
        tell(Progress(Stage.READING, 0))
        title = _read(work, folder, tell)
        tell(Progress(Stage.READING, _READ_PERCENT))
        templates = dict(work.published)
        for batch in _batches(title):
            is_last = batch.end == 100
            with _removed_unless_made(title, batch):
                if batch.is_start:
                    _store_poster(title)
                renditions = _make(title, batch)
                templates |= {rendition.name: rendition.playlist for rendition in renditions}
                if is_last:
                    sound = templates.pop(AUDIO_NAME)
                    verify_alignment(templates, sound)
            tell(_publication(title, renditions, is_complete=is_last))


def _read(work: Work, folder: Path, tell: Tell) -> _Title:
    source = integrations.storage.local_path(work.source_key)
    if source is None:
        source = folder / f"source{PurePosixPath(work.source_key).suffix}"
        integrations.storage.fetch_to(work.source_key, source)
    transcoder = integrations.transcoder
    info = transcoder.probe(source)
    chosen = ladder.choose(info, transcoder.sample(source, info, folder))
    return _Title(work, source, info, chosen, folder, _Keys(work.keys), tell)


def _batches(title: _Title) -> list[_Batch]:
    """Return the missing rungs; the first ones by themselves while nobody can watch anything."""
    published = title.work.published
    first = [rung for rung in title.ladder.first if rung.name not in published]
    rest = [rung for rung in title.ladder.rest if rung.name not in published]
    if not first and not rest:
        raise TranscodeFailed("Every rung is published, yet the generation is not complete.")
    if title.work.is_served or not first or not rest:
        return [_Batch([*first, *rest], _READ_PERCENT, 100, is_start=not published)]
    border = _FIRST_BATCH_SHARE
    return [
        _Batch(first, _READ_PERCENT, border, is_start=not published),
        _Batch(rest, border, 100, is_start=False),
    ]


def _store_poster(title: _Title) -> None:
    poster = title.scratch / POSTER_NAME
    integrations.transcoder.make_poster(title.source, title.info, poster)
    key = f"{title.work.prefix}/{POSTER_NAME}"
    integrations.storage.put_file(key, poster, "image/jpeg")


def _make(title: _Title, batch: _Batch) -> list[Rendition]:
    """Encode, encrypt, store and verify the batch's rungs."""
    job = EncodeJob(
        source=title.source,
        info=title.info,
        frame_rate=title.ladder.frame_rate,
        frame_count=title.ladder.frame_count,
        rungs=batch.rungs,
        target=title.scratch / "encoded",
    )
    encoded = integrations.transcoder.encode(
        job, lambda done: title.tell(batch.at(Stage.ENCODING, done * _ENCODING_SHARE))
    )
    verifier = Verifier(
        storage=integrations.storage,
        transcoder=integrations.transcoder,
        prefix=title.work.prefix,
        keys=title.keys,
        ladder=title.ladder,
        scratch=title.scratch,
    )
    renditions = []
    for index, made in enumerate(encoded):
        on_progress = _verifying(title, batch, index / len(encoded), 1 / len(encoded))
        stored = segments.store_rung(
            integrations.storage,
            title.work.prefix,
            made,
            title.keys.__getitem__,
            partial(on_progress, 0.0),
        )
        rendition = segments.describe(title.work, made, stored)
        digests = [segment.digest for segment in stored]
        verifier.verify(made.rung, rendition.playlist, digests, on_progress)
        renditions.append(rendition)
    return renditions


def _verifying(title: _Title, batch: _Batch, start: float, share: float) -> Callable[[float], None]:
    def on_progress(done: float) -> None:
        verified = start + share * done
        fraction = _ENCODING_SHARE + (1 - _ENCODING_SHARE) * verified
        title.tell(batch.at(Stage.VERIFYING, fraction))

    return on_progress


def _publication(title: _Title, renditions: list[Rendition], *, is_complete: bool) -> Publication:
    return Publication(
        renditions=renditions,
        keys=dict(title.keys),
        duration_seconds=title.ladder.duration_seconds,
        width=title.info.width,
        height=title.info.height,
        poster_key=f"{title.work.prefix}/{POSTER_NAME}",
        is_complete=is_complete,
    )


@contextmanager
def _removed_unless_made(title: _Title, batch: _Batch) -> Iterator[None]:
    """Start without what an earlier attempt left of the batch; leave nothing when it fails.

    What cannot be removed then (the storage may be what failed) the next attempt removes.
    """
    prefix = title.work.prefix
    folders = [prefix] if batch.is_start else [f"{prefix}/{rung.name}" for rung in batch.rungs]
    for folder in folders:
        integrations.storage.delete_prefix(folder)
    try:
        yield
    except BaseException:
        with suppress(StorageFull, StorageUnavailable):
            for folder in folders:
                integrations.storage.delete_prefix(folder)
        raise
