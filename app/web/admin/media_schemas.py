"""The JSON of videos and of their captions."""

from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from app.domain.videos.models import RenditionKind, VideoStatus
from app.web.admin.schemas import PageQuery, StaffVideo
from app.web.json import Body


class MediaQuery(PageQuery):
    """Which videos the list shows; `q` is a part of the title."""

    model_config = ConfigDict(frozen=True)

    q: Annotated[str, Field(max_length=200)] = ""
    status: VideoStatus | None = None


class MediaRendition(BaseModel):
    """A rung that is served; bandwidth is bits per second."""

    name: str
    kind: RenditionKind
    width: int | None
    height: int | None
    average_bandwidth: int
    size_bytes: int


class CaptionsListed(BaseModel):
    """A caption track without its text."""

    language: str
    label: str
    version: int
    updated_at: AwareDatetime


class MediaUseCourse(BaseModel):
    """The course of a lesson."""

    id: UUID
    title: str
    slug: str


class MediaUse(BaseModel):
    """A lesson that shows the video, or will once it plays (`is_incoming`)."""

    id: UUID
    title: str
    course: MediaUseCourse
    is_incoming: bool


class MediaDetail(StaffVideo):
    """A video with what it is made of and where it is shown."""

    attempts: int
    begun_at: AwareDatetime | None
    reported_at: AwareDatetime | None
    loudness_lufs: float | None
    source_sha256: str | None
    renditions: list[MediaRendition]
    captions: list[CaptionsListed]
    lessons: list[MediaUse]


class MediaDocument(BaseModel):
    """One video."""

    media: MediaDetail


class MediaDone(BaseModel):
    """The video after an act; `changed` is false when there was nothing to do."""

    changed: bool
    media: MediaDetail


class MediaChange(Body):
    """What of a video may be changed."""

    title: str


class CaptionsText(Body):
    """Captions in WebVTT or SRT. `version` is the one that was read, 0 for none; without it the
    last writer wins.
    """

    label: str
    text: str
    version: Annotated[int, Field(ge=0)] | None = None


class Captions(CaptionsListed):
    """A caption track with its WebVTT."""

    text: str


class CaptionsDocument(BaseModel):
    """One caption track."""

    captions: Captions


class CaptionsListDocument(BaseModel):
    """The caption tracks of a video, by language."""

    items: list[CaptionsListed]
