"""Writing the audit trail: each event is bound to the one before it by a hash."""

import enum
import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select, text

from app.clock import utcnow
from app.database import db
from app.domain.audit.actions import Action
from app.domain.audit.models import AuditEvent

FIRST_HASH = bytes(32)
LOCK_KEY = 0x617564697401  # "audit", 1: one writer at a time


class ActorKind(enum.StrEnum):
    PERSON = "person"
    API_KEY = "api_key"
    VISITOR = "visitor"
    SYSTEM = "system"
    OPERATOR = "operator"


@dataclass(frozen=True)
class Event:
    """Something that happened. `detail` is JSON; it holds no secret and no e-mail address."""

    action: Action
    actor_kind: ActorKind
    actor_id: uuid.UUID | None = None
    subject_kind: str = "user"
    subject_id: uuid.UUID | None = None
    ip_address: str | None = None
    user_agent: str | None = None
    request_id: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


def record(event: Event) -> None:
    """Append `event` in the caller's transaction.

    Two transactions that append at once would both build on the same row, so the second waits for
    the first to end; append last, right before the commit.
    """
    db.session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK_KEY})
    last = select(AuditEvent.hash).order_by(AuditEvent.id.desc()).limit(1)
    row = AuditEvent(
        occurred_at=utcnow(),
        action=event.action.value,
        actor_kind=event.actor_kind.value,
        actor_id=event.actor_id,
        subject_kind=event.subject_kind,
        subject_id=event.subject_id,
        ip_address=event.ip_address,
        user_agent=event.user_agent,
        request_id=event.request_id,
        detail=dict(event.detail),
        previous_hash=db.session.scalar(last) or FIRST_HASH,
    )
    row.hash = hash_of(row)
    db.session.add(row)
    db.session.flush()


def hash_of(row: AuditEvent) -> bytes:
    """Return the SHA-256 that `row` must carry: over the hash before it and its own values."""
    values = [
        row.occurred_at.isoformat(timespec="microseconds"),
        row.action,
        row.actor_kind,
        str(row.actor_id) if row.actor_id else None,
        row.subject_kind,
        str(row.subject_id) if row.subject_id else None,
        str(row.ip_address) if row.ip_address else None,
        row.user_agent,
        row.request_id,
        row.detail,
    ]
    canonical = json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(row.previous_hash + canonical.encode()).digest()
