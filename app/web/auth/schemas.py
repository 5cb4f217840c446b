"""The JSON of accounts: what is read and what is answered."""

from uuid import UUID

from pydantic import BaseModel

from app.domain.accounts.models import Role
from app.web.json import Body


class Registration(Body):
    """What an account needs."""

    email: str
    password: str
    name: str


class Login(Body):
    """Who it is. `code` is the second factor's; accounts have none yet, so it is not looked at."""

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
