"""How uploads end that nobody ends: a week of silence, a month of memory."""

from datetime import timedelta

from sqlalchemy import delete, select

from app.clock import utcnow
from app.database import db
from app.domain.videos.upload_models import Upload, UploadStatus
from app.domain.videos.uploads import SILENCE, Place, place_of

KEPT_ENDED = timedelta(days=30)
MAX_ENDED = 500


def end_silent() -> list[Place]:
    """Cancel the uploads that nothing was heard of for a week; their parts go after the commit."""
    silent = db.session.scalars(
        select(Upload)
        .where(Upload.status == UploadStatus.OPEN, Upload.touched_at < utcnow() - SILENCE)
        .limit(MAX_ENDED)
        .with_for_update(skip_locked=True)
    ).all()
    for upload in silent:
        upload.status = UploadStatus.CANCELLED
    db.session.flush()
    return [place_of(upload) for upload in silent]


def forget_ended() -> None:
    """Delete the rows of uploads that ended a month ago."""
    db.session.execute(
        delete(Upload).where(
            Upload.status != UploadStatus.OPEN, Upload.touched_at < utcnow() - KEPT_ENDED
        )
    )


def known_in_storage(names: set[str]) -> set[str]:
    """Return which of the storage's names for uploads are open ones of ours."""
    statement = select(Upload.storage_upload).where(
        Upload.status == UploadStatus.OPEN, Upload.storage_upload.in_(names)
    )
    return set(db.session.scalars(statement))
