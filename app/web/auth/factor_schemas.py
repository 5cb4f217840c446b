"""The JSON of second factors: what is read and what is answered."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from app.domain.accounts.totp import DIGITS
from app.web.auth.factor_forms import MAX_CODE_LENGTH
from app.web.auth.schemas import UserDocument
from app.web.json import Body


class SignInOptions(Body):
    """Whether the passkey is the second step after a password, or a sign-in by itself."""

    second_step: bool = False


class NoOptions(Body):
    """Nothing to choose."""


class PasskeyAnswer(Body):
    """What navigator.credentials.get() gave, bytes in base64url."""

    credential: dict[str, Any]


class NewPasskey(Body):
    """What navigator.credentials.create() gave, and what to call the key."""

    credential: dict[str, Any]
    name: str | None = None


class PasskeyName(Body):
    """What to call a passkey."""

    name: str


class AppCode(Body):
    """A code of the authenticator app that is being added."""

    code: str = Field(max_length=MAX_CODE_LENGTH, examples=["1" * DIGITS])


class CeremonyDocument(BaseModel):
    """WebAuthn's options, for navigator.credentials; bytes in base64url."""

    options: dict[str, Any]


class PasskeySignInDocument(BaseModel):
    """Who is signed in."""

    user: UserDocument


class PasskeyDocument(BaseModel):
    """One of one's own passkeys."""

    id: UUID
    name: str
    created_at: datetime
    last_used_at: datetime | None


class PasskeysDocument(BaseModel):
    """One's own passkeys, the oldest first."""

    items: list[PasskeyDocument]


class PasskeyAddedDocument(BaseModel):
    """The new passkey; with the first factor come recovery codes, shown this once.

    `next` is the page that shows them to a browser.
    """

    passkey: PasskeyDocument
    recovery_codes: list[str] | None
    next: str


class FactorsDocument(BaseModel):
    """What somebody has beside the password."""

    totp: bool
    passkeys: list[PasskeyDocument]
    recovery_codes_left: int


class AppSecretDocument(BaseModel):
    """What an authenticator app needs; it counts once a code has confirmed it."""

    secret: str
    address: str


class RecoveryCodesDocument(BaseModel):
    """The codes, shown this once; null when the older ones stay."""

    recovery_codes: list[str] | None
