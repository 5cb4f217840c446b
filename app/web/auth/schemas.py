"""The JSON of accounts: what is read and what is answered."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from app.domain.accounts.models import ExportStatus, Role
from app.web.json import Body


class Registration(Body):
    """What an account needs."""

    email: str
    password: str
    name: str


class Login(Body):
    """Who it is. `code`, of the app or for recovery, is needed where there is a second factor."""

    email: str
    password: str
    code: str | None = None


class AcceptedDocument(BaseModel):
    """The same whether the address was known or not."""

    status: str
    next: str


class UserDocument(BaseModel):
    """A person, as they see themselves."""

    id: UUID
    email: str
    name: str
    role: Role
    locale: str | None
    timezone: str | None


class SignedInDocument(BaseModel):
    """Who is signed in."""

    user: UserDocument


class Profile(Body):
    """What to change of one's profile; what is not sent stays as it is."""

    name: str = ""
    headline: str | None = None
    bio: str | None = None
    locale: str | None = None
    timezone: str | None = None
    playback_rate: float = 1.0


class ProfileDocument(BaseModel):
    """One's own profile; `headline` and `bio` are for those who teach."""

    name: str
    headline: str | None
    bio: str | None
    locale: str | None
    timezone: str | None
    playback_rate: float


class ExportDocument(BaseModel):
    """A file of all one's data: `queued`, `ready` (the link was mailed) or `failed`."""

    id: UUID
    status: ExportStatus
    size_bytes: int | None
    requested_at: datetime
    ready_at: datetime | None
    expires_at: datetime | None


class ExportsDocument(BaseModel):
    """One's own exports."""

    items: list[ExportDocument]


class Deletion(Body):
    """The address of the account, typed again to confirm that it shall be deleted."""

    email: str


class DeletionDocument(BaseModel):
    """When the account will be deleted, null when it stays; `obstacle` says what prevents it."""

    due_at: datetime | None
    obstacle: str | None
