"""What playback and pages read of a video; the hot ones are single Core queries."""

import json
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Integer, Text, bindparam, select, text

from app.database import Prepared, db
from app.domain.videos.models import CaptionTrack, Rendition, RenditionKind, Video

# The rungs of a generation, whose number grows while it is made, and the captions, which come and
# go: as one text, which says at a glance whether a playlist that was made of it still holds.
_TRACKS = Prepared(
    text(
        """
    SELECT CAST(json_build_array(
        (SELECT coalesce(json_agg(json_build_array(name, kind, width, height, frame_rate, codecs,
                peak_bandwidth, average_bandwidth) ORDER BY name), '[]')
            FROM renditions WHERE video_id = :video_id AND generation = :generation),
        (SELECT coalesce(json_agg(json_build_array(language, label) ORDER BY language), '[]')
            FROM caption_tracks WHERE video_id = :video_id)
    ) AS text) AS tracks
    """
    )
    .bindparams(
        bindparam("video_id", type_=Video.id.type), bindparam("generation", type_=Integer())
    )
    .columns(tracks=Text)
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


def find_tracks(video_id: UUID, generation: int) -> str:
    """Return what a generation consists of, for `renditions_of` and `captions_of`."""
    return str(_TRACKS.first({"video_id": video_id, "generation": generation}).tracks)


def renditions_of(tracks: str) -> list[RenditionView]:
    """Return the rungs, by name; a handful at most."""
    return [
        RenditionView(name, RenditionKind(kind), *rest)
        for name, kind, *rest in json.loads(tracks)[0]
    ]


def captions_of(tracks: str) -> list[CaptionView]:
    """Return the caption tracks, by language, without their texts."""
    return [CaptionView(*row) for row in json.loads(tracks)[1]]


def find_playlist(video_id: UUID, generation: int, name: str) -> str | None:
    """Return the playlist template of one rung, or None."""
    return db.session.execute(
        select(Rendition.playlist).where(
            Rendition.video_id == video_id,
            Rendition.generation == generation,
            Rendition.name == name,
        )
    ).scalar()


def find_caption(video_id: UUID, language: str) -> str | None:
    """Return the WebVTT text in one language, or None."""
    return db.session.execute(
        select(CaptionTrack.webvtt).where(
            CaptionTrack.video_id == video_id, CaptionTrack.language == language
        )
    ).scalar()
