"""What playback and pages read of a video; the hot ones are single Core queries."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Integer, bindparam, select

from app.database import Prepared, db
from app.domain.videos.models import CaptionTrack, Rendition, RenditionKind, Video

_RENDITIONS = Prepared(
    select(
        Rendition.name,
        Rendition.kind,
        Rendition.width,
        Rendition.height,
        Rendition.frame_rate,
        Rendition.codecs,
        Rendition.peak_bandwidth,
        Rendition.average_bandwidth,
    )
    .where(
        Rendition.video_id == bindparam("video_id", type_=Video.id.type),
        Rendition.generation == bindparam("generation", type_=Integer()),
    )
    .order_by(Rendition.name)
)
_CAPTIONS = Prepared(
    select(CaptionTrack.language, CaptionTrack.label)
    .where(CaptionTrack.video_id == bindparam("video_id", type_=Video.id.type))
    .order_by(CaptionTrack.language)
)


@dataclass(frozen=True, slots=True)
class RenditionView:
    """What a playlist says of a rendition; bandwidths are bits per second."""

    name: str
    kind: RenditionKind
    width: int | None
    height: int | None
    frame_rate: float | None
    codecs: str
    peak_bandwidth: int
    average_bandwidth: int


@dataclass(frozen=True, slots=True)
class CaptionView:
    """What a playlist says of a caption track; `language` is a BCP 47 tag."""

    language: str
    label: str


def list_renditions(video_id: UUID, generation: int) -> list[RenditionView]:
    """Return the rungs of a generation, by name; a handful at most."""
    rows = _RENDITIONS.all({"video_id": video_id, "generation": generation})
    return [RenditionView(*row) for row in rows]


def find_playlist(video_id: UUID, generation: int, name: str) -> str | None:
    """Return the playlist template of one rung, or None."""
    return db.session.execute(
        select(Rendition.playlist).where(
            Rendition.video_id == video_id,
            Rendition.generation == generation,
            Rendition.name == name,
        )
    ).scalar()


def list_captions(video_id: UUID) -> list[CaptionView]:
    """Return the caption tracks of a video, by language, without their texts."""
    return [CaptionView(*row) for row in _CAPTIONS.all({"video_id": video_id})]


def find_caption(video_id: UUID, language: str) -> str | None:
    """Return the WebVTT text in one language, or None."""
    return db.session.execute(
        select(CaptionTrack.webvtt).where(
            CaptionTrack.video_id == video_id, CaptionTrack.language == language
        )
    ).scalar()
