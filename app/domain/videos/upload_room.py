"""Is there room for another file: what media takes now, what is promised, what is left.

Asked before the first byte, so that nobody sends gigabytes to be refused at the end.
"""

from dataclasses import dataclass

from sqlalchemy import func, select, text

from app.current import integrations
from app.database import db
from app.domain.site.models import SiteChoices
from app.domain.videos.models import Rendition, Video
from app.domain.videos.upload_models import Upload, UploadStatus
from app.errors import QuotaExceeded

_LOCK = 0x75706C6F  # "uplo": whoever promises room holds it until the commit


@dataclass(frozen=True, slots=True)
class Room:
    """The site's quota, how much of it is taken, and how much the disk takes; None has no end."""

    quota_bytes: int | None
    used_bytes: int
    disk_bytes: int | None

    @property
    def free_bytes(self) -> int | None:
        """How large a file may be begun now."""
        limits = [self.disk_bytes]
        if self.quota_bytes is not None:
            limits.append(max(0, self.quota_bytes - self.used_bytes))
        known = [limit for limit in limits if limit is not None]
        return min(known) if known else None


def measure() -> Room:
    """Return how much room there is."""
    quota_bytes = db.session.scalar(select(SiteChoices.media_quota_bytes))
    return Room(quota_bytes, _used_bytes(), integrations.storage.uploads.free_bytes())


def require(size_bytes: int) -> None:
    """Let a file pass that fits. Raises QuotaExceeded naming the layer and what to change."""
    room = measure()
    if room.quota_bytes is not None and room.used_bytes + size_bytes > room.quota_bytes:
        raise QuotaExceeded(
            "The site's room for media is used up.",
            layer="site quota",
            free_bytes=max(0, room.quota_bytes - room.used_bytes),
            remedy="Delete media that is no longer used, cancel unfinished uploads, or have an "
            "administrator raise the quota in the site's settings.",
        )
    if room.disk_bytes is not None and size_bytes > room.disk_bytes:
        raise QuotaExceeded(
            "The server's disk has not enough room for this file.",
            layer="disk",
            free_bytes=room.disk_bytes,
            remedy="Free space on the disk that holds the media (MEDIA_ROOT), or move it to a "
            "larger one.",
        )


def promise(size_bytes: int) -> None:
    """Let a file pass that fits, and nobody else until this transaction ends.

    Raises QuotaExceeded. Of two that would fit one at a time, the second sees the first's row.
    """
    db.session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    require(size_bytes)


def _used_bytes() -> int:
    """Sum up sources, renditions and what is on its way."""
    parts = (
        select(func.coalesce(func.sum(Video.source_bytes), 0)),
        select(func.coalesce(func.sum(Rendition.size_bytes), 0)),
        select(func.coalesce(func.sum(Upload.size_bytes), 0)).where(
            Upload.status == UploadStatus.OPEN
        ),
    )
    return sum(int(db.session.scalar(part) or 0) for part in parts)
