"""How much room videos take in the storage."""

from sqlalchemy import func, select

from app.database import db
from app.domain.videos.models import Rendition, Video
from app.domain.videos.upload_models import Upload, UploadStatus


def stored_bytes() -> dict[str, int]:
    """Return the bytes of sources, of what was made of them, and of uploads on their way."""
    sums = {
        "sources": select(func.sum(Video.source_bytes)),
        "renditions": select(func.sum(Rendition.size_bytes)),
        "uploads": select(func.sum(Upload.size_bytes)).where(Upload.status == UploadStatus.OPEN),
    }
    return {kind: int(db.session.scalar(query) or 0) for kind, query in sums.items()}
