"""The JSON of playback: what is read and what is answered."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field, StringConstraints

from app.web.json import Body

MAX_RANGES = 200
LONGEST_SECONDS = 200_000

Seconds = Annotated[float, Field(ge=0, le=LONGEST_SECONDS, allow_inf_nan=False)]
UuidText = Annotated[
    str, StringConstraints(pattern=r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")
]


class TokenRequest(Body):
    """Which lesson to play, and which of the own streams to end for it."""

    lesson_id: UuidText
    replace_session_id: UuidText | None = None


class ManifestQuery(BaseModel):
    """The playback token, where it is not sent as Bearer authorization."""

    token: str | None = None


class Heartbeat(Body):
    """Where the player stands and what it has really shown since the last heartbeat."""

    position_seconds: Seconds
    watched: Annotated[list[tuple[Seconds, Seconds]], Field(max_length=MAX_RANGES)] = []
    rate: Annotated[float, Field(gt=0, le=4)] = 1.0
    playing: bool = True
    ended: bool = False
    watermark_hidden: bool = False


class WatermarkDocument(BaseModel):
    """What the player draws over the picture."""

    text: str
    code: str


class TokenDocument(BaseModel):
    """A stream that was opened."""

    token: str
    expires_in_seconds: int
    session_id: UUID
    manifest_url: str
    heartbeat_interval_seconds: int
    watermark: WatermarkDocument
    resume_position_seconds: float
    max_streams: int


class GrantDocument(BaseModel):
    """How segments are asked for: with cookies that were set, or with this query."""

    mode: Literal["cookie", "query"]
    query: str
    expires_in_seconds: int


class HeartbeatDocument(BaseModel):
    """The stream goes on."""

    lease_expires_in_seconds: int
    grant: GrantDocument
    lesson_completed: bool
    course_percent: int


class StoryboardDocument(BaseModel):
    """Sheets of stills: still `n` shows the picture at `n * interval_seconds` and lies in sheet
    `n // (columns * rows)`, filled row by row. Sizes are pixels of one still.
    """

    interval_seconds: float
    columns: int
    rows: int
    width: int
    height: int
    count: int
    sheets: list[str]


class StreamDocument(BaseModel):
    """One live stream of the account."""

    id: UUID
    device: str
    lesson_id: UUID
    lesson_title: str
    course_title: str
    started_at: AwareDatetime
    lease_expires_in_seconds: int
    is_this_sign_in: bool


class StreamsDocument(BaseModel):
    """The account's live streams."""

    items: list[StreamDocument]
