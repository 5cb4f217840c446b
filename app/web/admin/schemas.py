"""The JSON of the administration's tables."""

from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field

from app.domain.videos.models import VideoStatus
from app.web.admin.paging import MAX_PAGE_SIZE, PAGE_SIZE


class PageQuery(BaseModel):
    """Which part of a list: `cursor` is the `next_cursor` of the part before."""

    cursor: str | None = None
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE_SIZE)] = PAGE_SIZE


class StaffVideoError(BaseModel):
    """What went wrong: a stable code and the end of the tool's own words."""

    code: str | None
    detail: str | None


class StaffVideo(BaseModel):
    """A video and how far its transcode is."""

    id: UUID
    title: str
    status: VideoStatus
    stage: str | None
    progress_percent: int
    seconds_left: int | None
    is_playable: bool
    is_complete: bool
    error: StaffVideoError | None
    source_bytes: int
    duration_seconds: float | None
    width: int | None
    height: int | None
    created_at: AwareDatetime
    ready_at: AwareDatetime | None


class StaffMediaDocument(BaseModel):
    """Videos, newest first."""

    items: list[StaffVideo]
    next_cursor: str | None
