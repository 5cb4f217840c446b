"""What playback and pages read of a video; the hot ones are single Core queries."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import defer

from app.database import db
from app.domain.videos.models import CaptionTrack, Rendition


def list_renditions(video_id: UUID, generation: int) -> list[Rendition]:
    """Return the rungs of a generation, by name; a handful at most, without their playlists."""
    return list(
        db.session.scalars(
            select(Rendition)
            .options(defer(Rendition.playlist))  # 300 kB for two hours, and not asked for here
            .where(Rendition.video_id == video_id, Rendition.generation == generation)
            .order_by(Rendition.name)
        )
    )


def find_playlist(video_id: UUID, generation: int, name: str) -> str | None:
    """Return the playlist template of one rung, or None."""
    return db.session.execute(
        select(Rendition.playlist).where(
            Rendition.video_id == video_id,
            Rendition.generation == generation,
            Rendition.name == name,
        )
    ).scalar()


def list_captions(video_id: UUID) -> list[CaptionTrack]:
    """Return the caption tracks of a video, by language, without their texts."""
    return list(
        db.session.scalars(
            select(CaptionTrack)
            .options(defer(CaptionTrack.webvtt))
            .where(CaptionTrack.video_id == video_id)
            .order_by(CaptionTrack.language)
        )
    )


def find_caption(video_id: UUID, language: str) -> str | None:
    """Return the WebVTT text in one language, or None."""
    return db.session.execute(
        select(CaptionTrack.webvtt).where(
            CaptionTrack.video_id == video_id, CaptionTrack.language == language
        )
    ).scalar()
