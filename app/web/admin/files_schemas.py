"""The JSON of lessons' files and of courses on their way in and out."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field

from app.domain.courses.file_kinds import MAX_NAME
from app.domain.courses.file_models import TransferKind, TransferStatus
from app.web.json import Body


class FileChange(Body):
    """A file's new name."""

    filename: Annotated[str, Field(min_length=1, max_length=2 * MAX_NAME)]


class ExportRequest(Body):
    """Exporting takes nothing but the address."""


class LessonFile(BaseModel):
    """A lesson's PDF or one of its resources; `url` needs a browser's session."""

    id: UUID
    lesson_id: UUID
    filename: str
    content_type: str
    size_bytes: int
    url: str


class LessonFileDocument(BaseModel):
    """A file as it is now."""

    file: LessonFile


class LessonFilesDocument(BaseModel):
    """A lesson's files in their order, its PDF first."""

    items: list[LessonFile]


class TransferError(BaseModel):
    """Why a transfer ended without success."""

    code: str | None
    detail: str | None


class Transfer(BaseModel):
    """A course on its way; the archive of an export is there until `expires_at`."""

    id: UUID
    kind: TransferKind
    status: TransferStatus
    title: str
    course_id: UUID | None
    stage: str | None
    progress_percent: int
    size_bytes: int | None
    error: TransferError | None
    created_at: AwareDatetime
    finished_at: AwareDatetime | None
    expires_at: AwareDatetime | None


class TransferDocument(BaseModel):
    """A transfer and how far it is."""

    transfer: Transfer


class TransfersDocument(BaseModel):
    """Transfers, newest first."""

    items: list[Transfer]
    next_cursor: str | None


class CoverlessCourse(BaseModel):
    """The course as it is now, with its drawn cover."""

    course: dict[str, Any]
