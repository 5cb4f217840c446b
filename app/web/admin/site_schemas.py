"""The JSON of the site's choices."""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from app.web.json import Body


class SiteDocument(BaseModel):
    """What counts, and under `chosen` what was chosen: null leaves it to the installation."""

    version: int
    name: str
    accent_hue: int | None
    logo: str | None
    support_email: str | None
    max_streams: int
    max_video_upload_bytes: int
    media_quota_bytes: int | None
    takes_cards: bool
    takes_transfers: bool
    transfer_instructions: str
    provisional_access_hours: int
    receipt_details: str
    chosen: "SiteChosen"


class SiteChosen(BaseModel):
    """Choices that narrow or replace a setting of the installation."""

    name: str | None
    max_streams: int | None
    max_video_upload_bytes: int | None


class SiteChange(Body):
    """The choices to change; null gives one back to the installation.

    `version` is the one that was seen; without it the last change wins.
    """

    version: Annotated[int, Field(ge=0)] | None = None
    name: str | None = None
    accent_hue: int | None = None
    support_email: str | None = None
    max_streams: int | None = None
    max_video_upload_bytes: int | None = None
    media_quota_bytes: int | None = None
    takes_cards: bool | None = None
    takes_transfers: bool | None = None
    transfer_instructions: str | None = None
    provisional_access_hours: int | None = None
    receipt_details: str | None = None


class TrialDocument(BaseModel):
    """Whether it works, what happened, and what to change when it does not."""

    works: bool
    said: str
    remedy: str


class CategoryFields(Body):
    """A new shelf; it stands behind the others."""

    name: str
    description: str = ""
    hue: Annotated[int, Field(ge=0, le=359)]


class CategoryChange(Body):
    """What to change of a shelf; `position` counts from 0 and moves the others."""

    name: str | None = None
    description: str | None = None
    hue: Annotated[int, Field(ge=0, le=359)] | None = None
    position: Annotated[int, Field(ge=0)] | None = None


class StaffCategory(BaseModel):
    """A shelf; `course_count` counts courses in any state."""

    id: UUID
    slug: str
    name: str
    description: str
    hue: int
    position: int
    course_count: int


class StaffCategoryDocument(BaseModel):
    """A shelf."""

    category: StaffCategory


class StaffCategoriesDocument(BaseModel):
    """The shelves in their order."""

    items: list[StaffCategory]
