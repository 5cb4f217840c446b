"""What playback and pages read of a video; the hot ones are single Core queries."""

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Text, cast, func, literal_column, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import InstrumentedAttribute

from app.database import db
from app.domain.videos.models import CaptionTrack, Rendition, RenditionKind

EMPTY: ColumnElement[Any] = literal_column("'[]'")


def tracks_of(
    video_id: ColumnElement[UUID] | InstrumentedAttribute[UUID],
    generation: ColumnElement[int] | InstrumentedAttribute[int],
) -> ColumnElement[str]:
    """Return what a generation consists of as an expression, for `renditions_of`, `captions_of`.

    The rungs, whose number grows while it is made, and the captions, which come and go: as one
    text, which says at a glance whether a playlist that was made of it still holds.
    """
    rung = func.json_build_array(
        *(Rendition.name, Rendition.kind, Rendition.width, Rendition.height, Rendition.frame_rate),
        *(Rendition.codecs, Rendition.peak_bandwidth, Rendition.average_bandwidth),
    )
    rungs = (
        select(func.coalesce(func.json_agg(aggregate_order_by(rung, Rendition.name)), EMPTY))
        .where(Rendition.video_id == video_id, Rendition.generation == generation)
        .correlate_except(Rendition)
    )
    track = func.json_build_array(CaptionTrack.language, CaptionTrack.label)
    captions = (
        select(
            func.coalesce(func.json_agg(aggregate_order_by(track, CaptionTrack.language)), EMPTY)
        )
        .where(CaptionTrack.video_id == video_id)
        .correlate_except(CaptionTrack)
    )
    both = func.json_build_array(rungs.scalar_subquery(), captions.scalar_subquery())
    return cast(both, Text)


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
