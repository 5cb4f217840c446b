"""The table of the audit trail: append-only, each row bound to the one before it."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Identity, Index, LargeBinary
from sqlalchemy.dialects.postgresql import INET
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base


class AuditEvent(Base):
    """Who did what to whom, from where. A trigger refuses to change or remove a row.

    `hash` is SHA-256 over `previous_hash` and the row's own values, so a row changed past the
    trigger no longer fits the next one. People are named by id only, and no key refers to them:
    the trail outlives the account.
    """

    __tablename__ = "audit_events"
    __table_args__ = (
        Index(None, "occurred_at"),
        Index(None, "actor_id", "id"),
        Index(None, "subject_id", "id"),
        Index(None, "action", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger(), Identity(always=True), primary_key=True)
    occurred_at: Mapped[datetime]
    action: Mapped[str]
    actor_kind: Mapped[str]
    actor_id: Mapped[uuid.UUID | None]
    subject_kind: Mapped[str]
    subject_id: Mapped[uuid.UUID | None]
    ip_address: Mapped[str | None] = mapped_column(INET())
    user_agent: Mapped[str | None]
    request_id: Mapped[str | None]
    detail: Mapped[dict[str, Any]]
    previous_hash: Mapped[bytes] = mapped_column(LargeBinary())
    hash: Mapped[bytes] = mapped_column(LargeBinary())
