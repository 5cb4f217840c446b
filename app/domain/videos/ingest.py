"""How a source file becomes a video: kept in storage, remembered, and queued for the worker."""

import hashlib
from pathlib import Path, PurePosixPath
from typing import Protocol
from uuid import UUID, uuid4

from app.current import integrations
from app.database import db
from app.domain.outbox import jobs
from app.domain.site import choices
from app.domain.videos.models import Video, VideoStatus
from app.domain.videos.upload_models import Upload
from app.errors import InvalidInput, MediaInvalid
from app.integrations.containers import EXTENSIONS, HEADER_BYTES, sniff, sniff_head

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
    largest = choices.current().max_video_upload_bytes
    if size_bytes > largest:
        limit = largest // 1024**2
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


def add_stored(
    key: str,
    title: str,
    size_bytes: int,
    uploaded_by: Uploader | None = None,
    declared_sha256: str | None = None,
) -> Video:
    """Make a video of a source that lies in storage at `key`, and queue its transcode.

    The worker reads it, compares it with `declared_sha256`, and says what is wrong with it.
    """
    video = Video(
        title=title,
        source_key=key,
        source_bytes=size_bytes,
        declared_sha256=declared_sha256,
        uploaded_by_id=uploaded_by.id if uploaded_by else None,
    )
    db.session.add(video)
    db.session.flush()
    enqueue_transcode(video)
    return video


def add_from_upload(upload: Upload) -> Video:
    """Make a video of a completed upload and queue its transcode.

    The bytes have not passed through here: the worker reads them, and compares their hash with
    what the sender declared. Raises MediaInvalid when the first bytes are no video's, NotFound,
    StorageUnavailable.
    """
    with integrations.storage.open(upload.storage_key) as file:
        head = file.read(HEADER_BYTES)
    if sniff_head(head) is None:
        raise MediaInvalid("The file is no MP4, MOV, MKV, WebM or AVI video.")
    title = PurePosixPath(upload.filename).stem or upload.filename
    video = add_stored(
        upload.storage_key, title, upload.size_bytes, declared_sha256=upload.declared_sha256
    )
    video.uploaded_by_id = upload.owner_id
    upload.video_id = video.id
    return video


def find_video(video_id: UUID | None) -> Video | None:
    """Return a video, or None."""
    return db.session.get(Video, video_id) if video_id else None


def enqueue_transcode(video: Video) -> None:
    """Queue a transcode of `video`'s source, with all its attempts ahead of it.

    What is being served stays so until the new generation replaces it.
    """
    video.status = VideoStatus.QUEUED
    video.stage, video.progress_percent, video.attempts = None, 0, 0
    video.error_code = video.error_detail = video.seconds_left = None
    video.begun_at = video.reported_at = None
    db.session.flush()
    jobs.enqueue(
        TRANSCODE_TASK, queue=MEDIA_QUEUE, lock=f"video:{video.id}", video_id=str(video.id)
    )
