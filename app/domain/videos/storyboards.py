"""Storyboards: stills of a title laid out in sheets, to look at while one searches a position."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import select

from app.current import integrations
from app.database import db
from app.domain.videos.generations import storage_prefix
from app.domain.videos.models import Video
from app.errors import NotFound
from app.integrations.transcoder import StillSheets, VideoRung, even_pixels

FOLDER = "storyboard"
COLUMNS = ROWS = 5
MAX_STILLS = 400
LONGER_SIDE = 160


@dataclass(frozen=True, slots=True)
class Storyboard:
    """The sheets of one generation; a still is shown for `interval_seconds`."""

    sheets: int
    interval_seconds: float
    columns: int
    rows: int
    width: int
    height: int
    count: int


def plan(rung: VideoRung, segment_count: int) -> StillSheets:
    """Return which stills to take of a rung: one a segment, or fewer of a long title."""
    step = math.ceil(segment_count / MAX_STILLS)
    scale = LONGER_SIDE / max(rung.width, rung.height)
    return StillSheets(
        step=step,
        count=math.ceil(segment_count / step),
        columns=COLUMNS,
        rows=ROWS,
        width=even_pixels(rung.width * scale),
        height=even_pixels(rung.height * scale),
    )


def store(
    prefix: str,
    media: Path,
    wanted: StillSheets,
    segment_seconds: float,
    attend: Callable[[], None],
) -> dict[str, Any]:
    """Make the sheets of an encoded rung, store them below `prefix`, and return their facts.

    `segment_seconds` is the length of a whole segment. Raises TranscodeFailed, StorageFull,
    StorageUnavailable.
    """
    folder = media.parent / FOLDER
    paths = integrations.transcoder.make_stills(media, wanted, folder, attend)
    for number, path in enumerate(paths):
        integrations.storage.put_file(f"{prefix}/{sheet_name(number)}", path, "image/jpeg")
        path.unlink()
    return {
        "sheets": wanted.sheets,
        "interval_seconds": wanted.step * segment_seconds,
        "columns": wanted.columns,
        "rows": wanted.rows,
        "width": wanted.width,
        "height": wanted.height,
        "count": wanted.count,
    }


def sheet_name(number: int) -> str:
    """Return the name of a sheet below its generation's folder."""
    return f"{FOLDER}/{number:05d}.jpg"


def get(video_id: UUID, generation: int) -> Storyboard:
    """Return the storyboard of a generation that is served. Raises NotFound."""
    facts = db.session.scalar(
        select(Video.storyboard).where(Video.id == video_id, Video.generation == generation)
    )
    if not facts:
        raise NotFound
    return Storyboard(**facts)


def sheet_key(video_id: UUID, generation: int, number: int) -> str:
    """Return where a sheet lies in storage. Raises NotFound when there are not so many."""
    if not 0 <= number < get(video_id, generation).sheets:
        raise NotFound
    return f"{storage_prefix(video_id, generation)}/{sheet_name(number)}"
