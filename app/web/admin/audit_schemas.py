"""The JSON of the audit trail."""

from typing import Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel


class AuditParty(BaseModel):
    """Who or what: a kind, and an id unless it has none (a visitor, the system)."""

    kind: str
    id: UUID | None


class AuditEvent(BaseModel):
    """Something that happened; `hash` binds it to everything before."""

    id: int
    occurred_at: AwareDatetime
    action: str
    actor: AuditParty
    subject: AuditParty
    ip_address: str | None
    user_agent: str | None
    request_id: str | None
    detail: dict[str, Any]
    hash: str


class AuditDocument(BaseModel):
    """Events, newest first."""

    items: list[AuditEvent]
    next_cursor: str | None
