"""The JSON of people as staff sees them, and of what staff does to their accounts."""

from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field, StringConstraints

from app.domain.accounts.models import Role, UserStatus
from app.domain.accounts.standing import Act
from app.web.admin.audit_schemas import AuditEvent
from app.web.admin.forms import MAX_REASON_LENGTH
from app.web.json import Body


class StaffUser(BaseModel):
    """A person."""

    id: UUID
    name: str
    email: str
    role: Role
    status: UserStatus
    created_at: AwareDatetime
    email_verified_at: AwareDatetime | None
    second_factor_added_at: AwareDatetime | None
    last_seen_at: AwareDatetime | None


class StaffUsersDocument(BaseModel):
    """People, newest first."""

    items: list[StaffUser]
    next_cursor: str | None


class StaffSession(BaseModel):
    """A browser somebody is signed in with."""

    id: UUID
    created_at: AwareDatetime
    last_seen_at: AwareDatetime
    user_agent: str | None
    ip_address: str | None


class StaffApiKey(BaseModel):
    """An API key that still opens something."""

    id: UUID
    name: str
    scopes: list[str]
    created_at: AwareDatetime
    expires_at: AwareDatetime
    last_used_at: AwareDatetime | None


class StaffSecondFactor(BaseModel):
    """Which second factors there are."""

    totp_confirmed_at: AwareDatetime | None
    passkey_count: int
    recovery_codes_left: int


class StaffUserDocument(BaseModel):
    """One person. `acts` are open to whoever asks; sessions, keys and events may be withheld."""

    user: StaffUser
    acts: list[Act]
    sessions: list[StaffSession]
    api_keys: list[StaffApiKey]
    second_factor: StaffSecondFactor
    enrollment_count: int
    recent_events: list[AuditEvent]


class Done(BaseModel):
    """The person after the act; `changed` is false when there was nothing to do."""

    changed: bool
    user: StaffUser


class Suspension(Body):
    """Why, for whoever looks at the trail later; hold no personal data in it."""

    reason: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_REASON_LENGTH),
    ]


class RoleChange(Body):
    """The new role."""

    role: Annotated[Role, Field(strict=False)]


class Nothing(Body):
    """No fields."""
