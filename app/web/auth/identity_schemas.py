"""The JSON of proving who one is: links, passwords, addresses and sign-ins."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from app.web.json import Body


class Nothing(Body):
    """An empty object."""


class Link(Body):
    """The token at the end of a mailed link."""

    token: str


class Address(Body):
    """An e-mail address."""

    email: str


class NewPassword(Body):
    """A mailed link's token and the password it shall set."""

    token: str
    password: str


class PasswordChange(Body):
    """The password there is and the one there shall be."""

    current_password: str
    password: str


class Confirmation(Body):
    """The password, or a code of the second factor."""

    password: str | None = None
    code: str | None = None


class EmailChangeDocument(BaseModel):
    """A change of address under way."""

    new_email: str
    expires_at: datetime
    is_old_confirmed: bool
    is_new_confirmed: bool


class EmailDocument(BaseModel):
    """One's address, and where it is moving."""

    email: str
    verified_at: datetime | None
    change: EmailChangeDocument | None


class SessionDocument(BaseModel):
    """A device one is signed in on. `network` is where it was when it signed in."""

    id: UUID
    device: str
    network: str
    created_at: datetime
    last_seen_at: datetime
    is_this_sign_in: bool


class SessionsDocument(BaseModel):
    """All devices one is signed in on: this one, then the most recently used first."""

    items: list[SessionDocument]
