"""The database side of a transcode: claim a video, publish a generation, give up, sweep.

Nothing here takes longer than a query; the work between the calls is `transcoding`'s.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from app.clock import utcnow
from app.current import settings
from app.database import db
from app.domain.videos import keys
from app.domain.videos.models import ContentKey, Rendition, Video, VideoStatus

MAX_ATTEMPTS = 3
KEPT_GENERATION = timedelta(days=1)
_DETAIL_CHARACTERS = 2000


class TooManyAttempts(Exception):
    """The video's transcode was begun as often as it may be."""


@dataclass(frozen=True, slots=True)
class Work:
    """A claimed video. `published` holds the playlist templates of rungs that are served already
    and `keys` the open content keys by window; both are empty when starting from nothing.
    `expected_sha256` is what the source has to be, where somebody said so.
    """

    video_id: UUID
    generation: int
    attempt: int
    source_key: str
    is_served: bool
    published: Mapping[str, str]
    keys: Mapping[int, bytes]
    expected_sha256: str | None = None

    @property
    def prefix(self) -> str:
        """The storage folder of the generation."""
        return storage_prefix(self.video_id, self.generation)


@dataclass(frozen=True, slots=True)
class Publication:
    """Verified rungs to serve from now on, with the facts of their title.

    `storyboard` and `loudness_lufs` are None where an earlier publication of the generation had
    them already.
    """

    renditions: Sequence[Rendition]
    keys: Mapping[int, bytes]
    duration_seconds: float
    width: int
    height: int
    poster_key: str
    is_complete: bool
    storyboard: dict[str, Any] | None = None
    loudness_lufs: float | None = None


def storage_prefix(video_id: UUID, generation: int) -> str:
    """Return the storage folder of a generation."""
    return f"media/{video_id}/{generation}"


def begin(video_id: UUID) -> Work | None:
    """Claim the video and count the attempt; None when there is nothing to do.

    A first attempt's published rungs are built upon; the last attempt starts anew, in case they
    are what fails. Raises TooManyAttempts.
    """
    video = db.session.get(Video, video_id, with_for_update=True, populate_existing=True)
    if video is None or video.status in (VideoStatus.READY, VideoStatus.FAILED):
        return None
    video.status = VideoStatus.PROCESSING
    if video.attempts >= MAX_ATTEMPTS:
        raise TooManyAttempts
    video.attempts += 1
    video.error_code = video.error_detail = None
    video.begun_at = video.reported_at = utcnow()
    video.stage, video.progress_percent, video.seconds_left = None, 0, None
    is_resumed = not video.is_complete and video.generation and video.attempts < MAX_ATTEMPTS
    generation = video.generation if is_resumed and video.generation else _next_generation(video)
    return Work(
        video_id=video.id,
        generation=generation,
        attempt=video.attempts,
        source_key=video.source_key,
        is_served=video.generation is not None,
        published=_published(video.id, generation),
        keys=_open_keys(video.id, generation),
        expected_sha256=video.declared_sha256 or video.source_sha256,
    )


def report(
    video_id: UUID, stage: str, progress_percent: int, seconds_left: int | None = None
) -> bool:
    """Note how far a transcode is; False when it was cancelled or its video deleted."""
    noted = db.session.scalar(
        update(Video)
        .where(Video.id == video_id, Video.status == VideoStatus.PROCESSING)
        .values(
            stage=stage,
            progress_percent=progress_percent,
            seconds_left=seconds_left,
            reported_at=utcnow(),
        )
        .returning(Video.id)
    )
    return noted is not None


def prove(video_id: UUID, sha256: str) -> bool:
    """Note what the source turned out to be; False as `report` says it."""
    noted = db.session.scalar(
        update(Video)
        .where(Video.id == video_id, Video.status == VideoStatus.PROCESSING)
        .values(source_sha256=sha256, reported_at=utcnow())
        .returning(Video.id)
    )
    return noted is not None


def publish(work: Work, publication: Publication) -> bool:
    """Serve the publication's rungs; False when the video was deleted or cancelled meanwhile.

    Renditions are unique by name, so that of two workers only one can publish a rung.
    """
    video = db.session.get(Video, work.video_id, with_for_update=True, populate_existing=True)
    if video is None or video.status is not VideoStatus.PROCESSING:
        return False
    db.session.add_all(publication.renditions)
    _add_keys(work, publication.keys)
    video.generation = work.generation
    video.is_complete = publication.is_complete
    video.duration_seconds = publication.duration_seconds
    video.width, video.height = publication.width, publication.height
    video.poster_key = publication.poster_key
    if publication.storyboard is not None:
        video.storyboard = publication.storyboard
    if publication.loudness_lufs is not None:
        video.loudness_lufs = publication.loudness_lufs
    if publication.is_complete:
        video.status = VideoStatus.READY
        video.stage, video.progress_percent, video.seconds_left = None, 100, None
        video.attempts = 0
        video.ready_at = utcnow()
    db.session.flush()
    return True


def fail(video_id: UUID, code: str, detail: str) -> None:
    """Give up on the transcode. What an earlier commit published stays watchable."""
    _leave(video_id, VideoStatus.FAILED, code, detail)


def postpone(video_id: UUID, code: str, detail: str) -> None:
    """Put the video back in the queue after an attempt that failed, saying why."""
    _leave(video_id, VideoStatus.QUEUED, code, detail)


def release(video_id: UUID) -> None:
    """Put the video back in the queue as if the interrupted attempt had not been begun."""
    db.session.execute(
        update(Video)
        .where(Video.id == video_id, Video.status == VideoStatus.PROCESSING)
        .values(
            status=VideoStatus.QUEUED,
            stage=None,
            seconds_left=None,
            attempts=func.greatest(Video.attempts - 1, 0),
        )
    )


def published_names(work: Work) -> set[str]:
    """Return the rungs of the work's generation that are served."""
    return set(_published(work.video_id, work.generation))


def list_outdated() -> list[tuple[UUID, int]]:
    """Return (video, generation) of what was replaced long enough ago to be swept."""
    rows = db.session.execute(
        select(Rendition.video_id, Rendition.generation)
        .join(Video, Video.id == Rendition.video_id)
        .where(
            Rendition.generation < Video.generation,
            Video.status == VideoStatus.READY,
            Video.ready_at < utcnow() - KEPT_GENERATION,
        )
        .distinct()
        .limit(100)
    )
    return [(video_id, generation) for video_id, generation in rows]


def in_use(video_id: UUID, names: set[str]) -> set[str]:
    """Return which of the folders named are a generation with rows, or may yet become one.

    While a transcode is queued or runs, any of them may: its attempts build on one another.
    """
    video = db.session.get(Video, video_id, populate_existing=True)
    if video is None:
        return set()
    if video.status in (VideoStatus.QUEUED, VideoStatus.PROCESSING):
        return names
    rows = db.session.scalars(select(Rendition.generation).where(Rendition.video_id == video_id))
    return {str(number) for number in (*rows, video.generation)} & names


def forget(video_id: UUID, generation: int) -> None:
    """Delete the rows of an outdated generation."""
    for table in (Rendition, ContentKey):
        db.session.execute(
            delete(table).where(table.video_id == video_id, table.generation == generation)
        )


def _next_generation(video: Video) -> int:
    newest = db.session.scalar(
        select(func.max(Rendition.generation)).where(Rendition.video_id == video.id)
    )
    return max(newest or 0, video.generation or 0) + 1


def _published(video_id: UUID, generation: int) -> dict[str, str]:
    rows = db.session.execute(
        select(Rendition.name, Rendition.playlist).where(
            Rendition.video_id == video_id, Rendition.generation == generation
        )
    )
    return {name: playlist for name, playlist in rows}  # noqa: C416 - rows are not tuples to mypy


def _open_keys(video_id: UUID, generation: int) -> dict[int, bytes]:
    rows = db.session.execute(
        select(ContentKey.window, ContentKey.sealed_key).where(
            ContentKey.video_id == video_id, ContentKey.generation == generation
        )
    )
    secret = settings.content_secret
    return {
        window: keys.unseal(secret, video_id, generation, window, sealed) for window, sealed in rows
    }


def _add_keys(work: Work, open_keys: Mapping[int, bytes]) -> None:
    secret, place = settings.content_secret, (work.video_id, work.generation)
    rows = [
        {
            "video_id": work.video_id,
            "generation": work.generation,
            "window": window,
            "sealed_key": keys.seal(secret, *place, window, key),
        }
        for window, key in open_keys.items()
    ]
    # the first rungs' publication wrote the same keys already
    db.session.execute(insert(ContentKey).on_conflict_do_nothing(), rows)


def _leave(video_id: UUID, status: VideoStatus, code: str, detail: str) -> None:
    db.session.execute(
        update(Video)
        # only what is being worked at: a cancelled one keeps saying so, one queued anew its place
        .where(Video.id == video_id, Video.status == VideoStatus.PROCESSING)
        .values(
            status=status,
            stage=None,
            seconds_left=None,
            error_code=code,
            error_detail=detail[-_DETAIL_CHARACTERS:],
        )
    )
