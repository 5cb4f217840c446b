"""How a source file becomes a video: kept in storage, remembered, and queued for the worker."""

import hashlib
from pathlib import Path
from typing import Protocol
from uuid import UUID, uuid4

from app.current import integrations, settings
from app.database import db
from app.domain.outbox import jobs
from app.domain.videos.models import Video, VideoStatus
from app.errors import InvalidInput, MediaInvalid
from app.integrations.containers import EXTENSIONS, sniff

TRANSCODE_TASK = "videos.transcode"
MEDIA_QUEUE = "media"


class Uploader(Protocol):
    """Whoever brings a file; accounts are a floor above videos, so only their id is known."""

    @property
    def id(self) -> UUID:
        """The account's id."""
        ...


def add_from_file(path: Path, title: str, uploaded_by: Uploader | None = None) -> Video:
    """Store the file at `path` as a new video's source and queue its transcode.

    Raises MediaInvalid when the first bytes are no video's, InvalidInput when it is larger than
    uploads may be, StorageFull, StorageUnavailable.
    """
    size_bytes = path.stat().st_size
    if size_bytes > settings.max_video_upload_bytes:
        limit = settings.max_video_upload_bytes // 1024**2
        raise InvalidInput({"file": f"The file is larger than {limit} MB."})
    container = sniff(path)
    if container is None:
        raise MediaInvalid("The file is no MP4, MOV, MKV, WebM or AVI video.")
    video_id = uuid4()
    key = f"sources/{video_id}/source{EXTENSIONS[container]}"
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    integrations.storage.put_file(key, path, "application/octet-stream")
    video = Video(
        id=video_id,
        title=title,
        source_key=key,
        source_bytes=size_bytes,
        source_sha256=digest,
        uploaded_by_id=uploaded_by.id if uploaded_by else None,
    )
    db.session.add(video)
    db.session.flush()
    enqueue_transcode(video)
    return video


def enqueue_transcode(video: Video) -> None:
    """Queue a transcode of `video`'s source, with all its attempts ahead of it.

    What is being served stays so until the new generation replaces it.
    """
    video.status = VideoStatus.QUEUED
    video.stage, video.progress_percent, video.attempts = None, 0, 0
    video.error_code = video.error_detail = None
    db.session.flush()
    jobs.enqueue(
        TRANSCODE_TASK, queue=MEDIA_QUEUE, lock=f"video:{video.id}", video_id=str(video.id)
    )
