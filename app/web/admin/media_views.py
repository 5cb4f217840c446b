"""Videos and captions as JSON."""

from dataclasses import asdict

from app.domain.courses import media
from app.domain.courses.charge import Maker, owner_of
from app.domain.courses.media import Use
from app.domain.videos import overview
from app.domain.videos.models import CaptionTrack
from app.domain.videos.overview import VideoRow

View = dict[str, object]


def row_view(row: VideoRow) -> View:
    """Return a video as a list has it: the end of what went wrong."""
    has_error = row.error_code or row.error_detail
    return {
        "id": row.id,
        "title": row.title,
        "status": row.status.value,
        "stage": row.stage,
        "progress_percent": row.progress_percent,
        "seconds_left": row.seconds_left,
        "is_playable": row.is_playable,
        "is_complete": row.is_complete,
        "error": {"code": row.error_code, "detail": row.error_tail} if has_error else None,
        "source_bytes": row.source_bytes,
        "duration_seconds": row.duration_seconds,
        "width": row.width,
        "height": row.height,
        "created_at": row.created_at,
        "ready_at": row.ready_at,
    }


def detail_view(person: Maker, row: VideoRow) -> View:
    """Return a video with all that is known of it."""
    view = row_view(row)
    if view["error"]:
        view["error"] = {"code": row.error_code, "detail": row.error_detail}
    uses = [use for use in media.list_uses(owner_of(person), row.id) if use.is_own]
    return {
        **view,
        "attempts": row.attempts,
        "begun_at": row.begun_at,
        "reported_at": row.reported_at,
        "loudness_lufs": row.loudness_lufs,
        "source_sha256": row.source_sha256,
        "renditions": [asdict(rung) for rung in overview.list_rungs(row)],
        "captions": [asdict(track) for track in overview.list_captions(row.id)],
        "lessons": [_use_view(use) for use in uses],
    }


def captions_view(track: CaptionTrack) -> View:
    """Return a caption track with its text."""
    return {
        "language": track.language,
        "label": track.label,
        "version": track.version,
        "updated_at": track.updated_at,
        "text": track.webvtt,
    }


def _use_view(use: Use) -> View:
    return {
        "id": use.lesson_id,
        "title": use.lesson_title,
        "course": {"id": use.course_id, "title": use.course_title, "slug": use.course_slug},
        "is_incoming": use.is_incoming,
    }
