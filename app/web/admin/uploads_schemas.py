"""The JSON of uploads."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field, StringConstraints

from app.domain.videos.upload_models import UploadPurpose, UploadStatus
from app.web.json import Body

MAX_PARTS_NAMED = 10_000
LARGEST_BYTES = 5 * 1024**4  # what any storage takes as one object

UuidText = Annotated[
    str, StringConstraints(pattern=r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")
]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
PurposeName = Annotated[str, Field(json_schema_extra={"enum": [p.value for p in UploadPurpose]})]


class UploadRequest(Body):
    """A file to be sent. `fingerprint` is any text by which the same file is recognised later."""

    filename: Annotated[str, Field(min_length=1, max_length=255)]
    size_bytes: Annotated[int, Field(ge=1, le=LARGEST_BYTES)]
    content_type: Annotated[str, Field(max_length=100)] = ""
    lesson_id: UuidText | None = None
    course_id: UuidText | None = None
    purpose: PurposeName = UploadPurpose.VIDEO.value
    fingerprint: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    sha256: Sha256 | None = None


class NamedPart(Body):
    """A part and the ETag that its PUT answered, with or without the quotes."""

    number: Annotated[int, Field(ge=1, le=MAX_PARTS_NAMED)]
    etag: Annotated[str, Field(min_length=1, max_length=200)]


class Completion(Body):
    """Every part of the file; `sha256` of the whole is compared when the file is read."""

    parts: Annotated[list[NamedPart], Field(min_length=1, max_length=MAX_PARTS_NAMED)]
    sha256: Sha256 | None = None


class UploadsQuery(BaseModel):
    """Which unfinished uploads: those of the file that was given this fingerprint."""

    fingerprint: Annotated[str, Field(max_length=200)] | None = None


class PartQuery(BaseModel):
    """What makes an address good for one part; taken as given in `url`."""

    expires: int
    signature: str


class UploadPart(BaseModel):
    """A part: PUT exactly `size_bytes` bytes to `url`. `etag` once it has arrived."""

    number: int
    size_bytes: int
    url: str
    etag: str | None = None


class UploadState(BaseModel):
    """An upload under way; after `expires_at` without a sign of life it is removed."""

    upload_id: UUID
    purpose: UploadPurpose
    status: UploadStatus
    filename: str
    content_type: str
    size_bytes: int
    part_size_bytes: int
    part_count: int
    target_id: UUID | None
    fingerprint: str | None
    created_at: AwareDatetime
    touched_at: AwareDatetime
    expires_at: AwareDatetime


class UploadDocument(UploadState):
    """An upload with its parts."""

    parts: list[UploadPart]
    received_bytes: int
    media_id: UUID | None = None


class UploadListItem(UploadState):
    """An unfinished upload and how much of it has arrived."""

    received_bytes: int


class UploadsDocument(BaseModel):
    """Unfinished uploads, the latest first."""

    items: list[UploadListItem]


class MediaError(BaseModel):
    """Why a transcode failed."""

    code: str | None
    detail: str | None


class MediaStateDocument(BaseModel):
    """A video and how far its transcode is."""

    id: UUID
    title: str
    status: str
    stage: str | None
    progress_percent: int
    seconds_left: int | None
    is_playable: bool
    is_complete: bool
    error: MediaError | None


class UploadedDocument(BaseModel):
    """What became of the file: `media` of a video, else `file`, `course`, `transfer` or `logo`."""

    upload: UploadState
    media: MediaStateDocument | None = None
    file: dict[str, Any] | None = None
    course: dict[str, Any] | None = None
    transfer: dict[str, Any] | None = None
    logo: dict[str, Any] | None = None


class PurposeLimits(BaseModel):
    """What one purpose takes."""

    max_bytes: int
    content_types: list[str]
    suffixes: list[str]


class UploadLimits(BaseModel):
    """What is known before the first byte; null where nothing ends."""

    purposes: dict[str, PurposeLimits]
    free_bytes: int | None
    quota_bytes: int | None
    used_bytes: int
    part_size_bytes: int
    max_open: int
