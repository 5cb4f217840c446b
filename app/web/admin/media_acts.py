"""What staff does to videos: what the pages and their JSON twins have in common.

Each act is noted in the trail, if it changed anything, and committed.
"""

from typing import Any
from uuid import UUID

from app.database import db
from app.domain.accounts.sessions import SignedIn
from app.domain.audit.actions import Action
from app.domain.courses import charge, media
from app.domain.videos import captions, control
from app.domain.videos.models import CaptionTrack
from app.web import audit
from app.web.access import require_signed_in


def owner_of(person: SignedIn) -> UUID | None:
    """Return whose media `person` sees: an instructor's own, or None for all."""
    return charge.owner_of(person)


def rename(video_id: UUID, title: str) -> None:
    """Give a video another title. Raises NotFound, Forbidden, InvalidInput."""
    control.rename(charge.video_in_charge(require_signed_in(), video_id), title)
    db.session.commit()


def retry(video_id: UUID) -> bool:
    """Prepare a video again; False when that is under way. Raises NotFound, Forbidden."""
    is_new = control.retry(charge.video_in_charge(require_signed_in(), video_id))
    return _settle(is_new, Action.VIDEO_RETRIED, video_id)


def cancel(video_id: UUID) -> bool:
    """Stop preparing a video; False when that has ended. Raises NotFound, Forbidden."""
    is_new = control.cancel(charge.video_in_charge(require_signed_in(), video_id))
    return _settle(is_new, Action.VIDEO_CANCELLED, video_id)


def discard(video_id: UUID) -> None:
    """Delete a video that no lesson shows. Raises NotFound, Forbidden, InUse."""
    video = charge.video_in_charge(require_signed_in(), video_id)
    title = video.title
    media.discard(video)
    _settle(is_new=True, action=Action.VIDEO_DELETED, video_id=video_id, title=title)


def save_captions(
    video_id: UUID, language: str, label: str, text: str, version: int | None
) -> CaptionTrack:
    """Store captions in WebVTT or SRT.

    Raises NotFound, Forbidden, InvalidInput, VersionConflict.
    """
    video = charge.video_in_charge(require_signed_in(), video_id)
    track = captions.save(video, language, label, text, version)
    db.session.commit()
    return track


def remove_captions(video_id: UUID, language: str) -> bool:
    """Delete captions; False when there were none. Raises NotFound, Forbidden."""
    charge.video_in_charge(require_signed_in(), video_id)
    is_new = captions.remove(video_id, language)
    return _settle(is_new, Action.CAPTIONS_DELETED, video_id, language=language)


def _settle(is_new: bool, action: Action, video_id: UUID, **detail: Any) -> bool:
    if is_new:
        audit.note(action, subject=video_id, subject_kind="video", **detail)
    db.session.commit()
    return is_new
