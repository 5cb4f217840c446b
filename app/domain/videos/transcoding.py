"""A transcode from source to published generation. Holds no transaction: what is to be recorded
goes to `tell`, whose owner commits it and may raise to stop the work."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from app.current import integrations, settings
from app.domain.videos import keys, scratch, segments, sources, storyboards
from app.domain.videos.generations import Publication, Work
from app.domain.videos.ladder import AUDIO_NAME
from app.domain.videos.models import Rendition
from app.domain.videos.sources import READ_PERCENT, Progress, SourceProven, SourceRead, Stage
from app.domain.videos.verification import Verifier, verify_alignment
from app.errors import StorageFull, StorageUnavailable, TranscodeFailed
from app.integrations.transcoder import EncodeJob, Rung, VideoRung

WORK_FOLDER = "work"
POSTER_NAME = "poster.jpg"
_ENCODING_SHARE = 0.8
_DECODING_SHARE = 0.4  # of what encoding as many pixels costs

Step = Progress | Publication | SourceProven
Tell = Callable[[Step], None]


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
    start: float
    end: float
    is_start: bool

    def at(self, stage: Stage, fraction: float) -> Progress:
        """Return the progress of the whole when `fraction` of this batch is done."""
        return Progress(stage, self.start + (self.end - self.start) * fraction)


@dataclass(frozen=True, slots=True)
class _Title:
    """Everything that is known once the source was read."""

    work: Work
    source: SourceRead
    scratch: Path
    keys: _Keys
    tell: Tell


@dataclass(frozen=True, slots=True)
class _Made:
    """What a batch gave; the storyboard comes with the first rungs."""

    renditions: list[Rendition]
    storyboard: dict[str, Any] | None


def run(work: Work, tell: Tell) -> None:
    """Make, store and verify every missing rung of `work`; the last publication completes it.

    A title that nobody can watch yet is published as soon as its first rungs are verified. Raises
    MediaInvalid, TranscodeFailed, StorageFull, StorageUnavailable, and whatever `tell` raises;
    rungs that were not published are then gone from storage.
    """
    root = settings.data_dir / WORK_FOLDER
    scratch.sweep(root)
    with scratch.folder(root, f"{work.video_id}-{work.generation}") as folder:
        title = _Title(work, sources.read(work, folder, tell), folder, _Keys(work.keys), tell)
        templates = dict(work.published)
        for batch in _batches(title):
            is_last = batch.end == 100
            with _removed_unless_made(title, batch):
                if batch.is_start:
                    _store_poster(title)
                made = _make(title, batch)
                templates |= {rendition.name: rendition.playlist for rendition in made.renditions}
                if is_last:
                    sound = templates.pop(AUDIO_NAME)
                    verify_alignment(templates, sound)
            tell(_publication(title, made, is_complete=is_last))


def _batches(title: _Title) -> list[_Batch]:
    """Return the missing rungs; the first ones by themselves while nobody can watch anything."""
    published = title.work.published
    chosen = title.source.ladder
    first = [rung for rung in chosen.first if rung.name not in published]
    rest = [rung for rung in chosen.rest if rung.name not in published]
    if not first and not rest:
        raise TranscodeFailed("Every rung is published, yet the generation is not complete.")
    if title.work.is_served or not first or not rest:
        return [_Batch([*first, *rest], READ_PERCENT, 100, is_start=not published)]
    costs = _cost(title, first), _cost(title, rest)
    border = READ_PERCENT + (100 - READ_PERCENT) * costs[0] / sum(costs)
    return [
        _Batch(first, READ_PERCENT, border, is_start=not published),
        _Batch(rest, border, 100, is_start=False),
    ]


def _cost(title: _Title, rungs: Sequence[Rung]) -> float:
    """Return what a batch costs, in pixels to encode a picture: the source is decoded for each."""
    info = title.source.info
    encoded = (r.width * r.height / r.frame_step for r in rungs if isinstance(r, VideoRung))
    return _DECODING_SHARE * info.width * info.height + sum(encoded)


def _store_poster(title: _Title) -> None:
    poster = title.scratch / POSTER_NAME
    integrations.transcoder.make_poster(title.source.path, title.source.info, poster)
    key = f"{title.work.prefix}/{POSTER_NAME}"
    integrations.storage.put_file(key, poster, "image/jpeg")


def _make(title: _Title, batch: _Batch) -> _Made:
    """Encode, encrypt, store and verify the batch's rungs; take stills of the first one."""
    chosen = title.source.ladder
    job = EncodeJob(
        source=title.source.path,
        info=title.source.info,
        frame_rate=chosen.frame_rate,
        frame_count=chosen.frame_count,
        rungs=batch.rungs,
        target=title.scratch / "encoded",
        gain_db=title.source.gain_db,
    )
    encoded = integrations.transcoder.encode(
        job, lambda done: title.tell(batch.at(Stage.ENCODING, done * _ENCODING_SHARE))
    )
    verifier = Verifier(
        storage=integrations.storage,
        transcoder=integrations.transcoder,
        prefix=title.work.prefix,
        keys=title.keys,
        ladder=chosen,
        scratch=title.scratch,
    )
    renditions: list[Rendition] = []
    boards: list[dict[str, Any]] = []
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
        use = None
        if batch.is_start and not boards and isinstance(made.rung, VideoRung):
            at = (index + 1) / len(encoded)
            step = batch.at(Stage.STORYBOARD, _verified(at))
            use = partial(_take_stills, title, step, made.rung, made.durations, boards)
        verifier.verify(made.rung, rendition.playlist, digests, on_progress, use)
        renditions.append(rendition)
    return _Made(renditions, boards[0] if boards else None)


def _take_stills(
    title: _Title,
    step: Progress,
    rung: VideoRung,
    durations: Sequence[float],
    boards: list[dict[str, Any]],
    media: Path,
) -> None:
    """Add the storyboard of a rung that was proven to play, `media` being all of it."""
    attend = partial(title.tell, step)
    attend()
    wanted = storyboards.plan(rung, len(durations))
    boards.append(storyboards.store(title.work.prefix, media, wanted, max(durations), attend))


def _verified(fraction: float) -> float:
    """Return the part of a batch that is done when `fraction` of it is verified."""
    return _ENCODING_SHARE + (1 - _ENCODING_SHARE) * fraction


def _verifying(title: _Title, batch: _Batch, start: float, share: float) -> Callable[[float], None]:
    def on_progress(done: float) -> None:
        title.tell(batch.at(Stage.VERIFYING, _verified(start + share * done)))

    return on_progress


def _publication(title: _Title, made: _Made, *, is_complete: bool) -> Publication:
    return Publication(
        renditions=made.renditions,
        keys=dict(title.keys),
        duration_seconds=title.source.ladder.duration_seconds,
        width=title.source.info.width,
        height=title.source.info.height,
        poster_key=f"{title.work.prefix}/{POSTER_NAME}",
        is_complete=is_complete,
        storyboard=made.storyboard,
        loudness_lufs=title.source.loudness_lufs,
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
