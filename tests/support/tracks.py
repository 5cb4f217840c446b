"""What a generation of a video consists of, looked up by itself."""

from uuid import UUID

from sqlalchemy import literal, select

from app.database import db
from app.domain.videos.queries import tracks_of


def find_tracks(video_id: UUID, generation: int) -> str:
    """Return it as `renditions_of` and `captions_of` read it."""
    return str(
        db.session.execute(select(tracks_of(literal(video_id), literal(generation)))).scalar_one()
    )
