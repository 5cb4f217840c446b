"""Writing the audit trail: each event is bound to the one before it by a hash."""

import enum
import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any

from sqlalchemy import event as events
from sqlalchemy import select, text
from sqlalchemy.orm import SessionTransaction

from app.clock import utcnow
from app.database import Session, db, reads_alone
from app.domain.audit.actions import Action
from app.domain.audit.models import AuditEvent

FIRST_HASH = bytes(32)
LOCK_KEY = 0x617564697401  # "audit", 1: one writer at a time
MAX_TEXT_LENGTH = 500
PENDING = "audit_events"


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
    """Append `event` when the caller's transaction commits; a rollback takes it back.

    Two transactions that append at once would both build on the same row, so the second waits for
    the first to end. Were the lock taken here, everybody would wait for what the caller does
    after; so the rows are written as the very last thing before the commit. Raises RuntimeError in
    a session that has no transaction, where the lock would be gone before the row is there.
    """
    if reads_alone():
        raise RuntimeError("the trail is written in a transaction; see database.write_together")
    row = AuditEvent(
        action=event.action.value,
        actor_kind=event.actor_kind.value,
        actor_id=event.actor_id,
        subject_kind=event.subject_kind,
        subject_id=event.subject_id,
        ip_address=event.ip_address,
        user_agent=_storable(event.user_agent),
        request_id=_storable(event.request_id),
        detail={name: _storable(value) for name, value in event.detail.items()},
    )
    db.session.info.setdefault(PENDING, []).append(row)


@events.listens_for(Session, "before_commit")
def _append(session: Session) -> None:
    if session.in_nested_transaction():  # a savepoint ends, not the transaction
        return
    rows: list[AuditEvent] = session.info.pop(PENDING, [])
    if not rows:
        return
    session.flush()
    session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK_KEY})
    last = select(AuditEvent.hash).order_by(AuditEvent.id.desc()).limit(1)
    previous_hash = session.scalar(last) or FIRST_HASH
    for row in rows:
        row.occurred_at = utcnow()
        row.previous_hash = previous_hash
        previous_hash = row.hash = hash_of(row)
        session.add(row)
        session.flush()


@events.listens_for(Session, "after_soft_rollback")
def _forget(session: Session, ended: SessionTransaction | None) -> None:
    while ended is not None:
        if ended.nested:  # a savepoint, or a flush within one: the transaction goes on
            return
        ended = ended.parent
    session.info.pop(PENDING, None)


def hash_of(row: Any) -> bytes:
    """Return the SHA-256 that `row` must carry: over the hash before it and its own values.

    PostgreSQL gives times and addresses back in a spelling of its own, so neither spelling counts.
    """
    values = [
        row.occurred_at.astimezone(UTC).isoformat(timespec="microseconds"),
        row.action,
        row.actor_kind,
        str(row.actor_id) if row.actor_id else None,
        row.subject_kind,
        str(row.subject_id) if row.subject_id else None,
        _plain_address(row.ip_address),
        row.user_agent,
        row.request_id,
        row.detail,
    ]
    canonical = json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(bytes(row.previous_hash) + canonical.encode()).digest()


def _plain_address(address: object) -> str | None:
    if address is None:
        return None
    try:
        return ip_address(str(address)).packed.hex()
    except ValueError:  # a network, which no event has come from
        return str(address)


def _storable(value: Any) -> Any:
    """Return `value` as JSONB gives it back: what it cannot hold would break the row's hash.

    Raises TypeError for what has no one spelling, such as a fraction.
    """
    match value:
        case None | bool() | int():
            return value
        case str():
            clean = value.encode("utf-8", "replace").decode().replace("\0", "")
            return clean[:MAX_TEXT_LENGTH]
        case uuid.UUID():
            return str(value)
        case datetime():
            return value.isoformat()
        case Mapping():
            return {str(name): _storable(item) for name, item in value.items()}
        case list() | tuple() | set() | frozenset():
            items = sorted(value) if isinstance(value, (set, frozenset)) else value
            return [_storable(item) for item in items]
    raise TypeError(f"the trail keeps no {type(value).__name__}")
