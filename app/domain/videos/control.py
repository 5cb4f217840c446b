"""What people do to a video: name it, prepare it again, stop its preparation, delete it."""

from uuid import UUID

from sqlalchemy import delete, select

from app.database import db
from app.domain.outbox import jobs
from app.domain.videos import ingest
from app.domain.videos.models import Video, VideoStatus
from app.errors import InvalidInput

DISCARD_TASK = "videos.discard"
CANCELLED = "CANCELLED"
MAX_TITLE_LENGTH = 200

_UNDER_WAY = (VideoStatus.QUEUED, VideoStatus.PROCESSING)


def rename(video: Video, title: str) -> None:
    """Give the video another title, for staff alone. Raises InvalidInput."""
    wanted = " ".join(title.split())
    if not wanted or len(wanted) > MAX_TITLE_LENGTH or "\0" in wanted:
        raise InvalidInput({"title": f"Use 1 to {MAX_TITLE_LENGTH} characters."})
    video.title = wanted


def retry(video: Video) -> bool:
    """Queue the transcode again; False when it is under way already.

    The row is locked, so that of two clicks one queues a job.
    """
    locked = _locked(video.id)
    if locked.status in _UNDER_WAY:
        return False
    ingest.enqueue_transcode(locked)
    return True


def cancel(video: Video) -> bool:
    """Stop the transcode, waiting or running; False when it has ended already.

    The worker notices within a second or two. What plays already goes on playing: a whole video
    that was to be prepared anew is ready as it was.
    """
    locked = _locked(video.id)
    if locked.status not in _UNDER_WAY:
        return False
    locked.stage = locked.seconds_left = None
    if locked.is_complete and locked.generation:
        locked.status, locked.progress_percent = VideoStatus.READY, 100
    else:
        locked.status, locked.error_code = VideoStatus.FAILED, CANCELLED
        locked.error_detail = "It was cancelled before it was finished."
    db.session.flush()
    return True


def discard(video: Video) -> None:
    """Delete the video and queue the removal of its files.

    A running transcode notices that its row has gone; the removal waits for it to end.
    """
    jobs.enqueue(
        DISCARD_TASK, lock=f"video:{video.id}", video_id=str(video.id), source_key=video.source_key
    )
    db.session.execute(delete(Video).where(Video.id == video.id))
    db.session.flush()


def is_gone(video_id: UUID) -> bool:
    """Return whether there is no such video (any more)."""
    return db.session.scalar(select(Video.id).where(Video.id == video_id)) is None


def _locked(video_id: UUID) -> Video:
    # no key share: the worker's publications take the same lock
    return db.session.get_one(Video, video_id, with_for_update=True, populate_existing=True)
