"""Finding events in the audit trail: newest first, by keyset."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import INET
from sqlalchemy.sql.expression import cast

from app.database import db
from app.domain.audit.actions import Action
from app.domain.audit.models import AuditEvent

MAX_ID = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Criteria:
    """What an event must have; `network` is an address or a network in CIDR form.

    `since` counts, `until` does not.
    """

    actor_id: uuid.UUID | None = None
    subject_id: uuid.UUID | None = None
    action: Action | None = None
    since: datetime | None = None
    until: datetime | None = None
    network: str | None = None


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event as it is shown; `hash` is what the next one is bound to."""

    id: int
    occurred_at: datetime
    action: str
    actor_kind: str
    actor_id: uuid.UUID | None
    subject_kind: str
    subject_id: uuid.UUID | None
    ip_address: str | None
    user_agent: str | None
    request_id: str | None
    detail: dict[str, Any]
    hash: bytes


_EVENTS = select(
    AuditEvent.id,
    AuditEvent.occurred_at,
    AuditEvent.action,
    AuditEvent.actor_kind,
    AuditEvent.actor_id,
    AuditEvent.subject_kind,
    AuditEvent.subject_id,
    AuditEvent.ip_address,
    AuditEvent.user_agent,
    AuditEvent.request_id,
    AuditEvent.detail,
    AuditEvent.hash,
)


def list_events(criteria: Criteria, before_id: int | None, limit: int) -> list[EventRow]:
    """Return events that fit, newest first, those written before the row `before_id`."""
    conditions = [
        AuditEvent.actor_id == criteria.actor_id if criteria.actor_id else None,
        AuditEvent.subject_id == criteria.subject_id if criteria.subject_id else None,
        AuditEvent.action == criteria.action.value if criteria.action else None,
        AuditEvent.occurred_at >= criteria.since if criteria.since else None,
        AuditEvent.occurred_at < criteria.until if criteria.until else None,
        AuditEvent.ip_address.op("<<=", is_comparison=True)(cast(criteria.network, INET))
        if criteria.network
        else None,
    ]
    wanted = _EVENTS.where(*(condition for condition in conditions if condition is not None))
    return _read(_before(wanted, before_id), limit)


def list_about(user_id: uuid.UUID, limit: int) -> list[EventRow]:
    """Return the newest events that a person did or that were done to them."""
    did = _read(_EVENTS.where(AuditEvent.actor_id == user_id), limit)
    met = _read(_EVENTS.where(AuditEvent.subject_id == user_id), limit)
    both = {event.id: event for event in (*did, *met)}  # two indexes, where an OR would use none
    return sorted(both.values(), key=attrgetter("id"), reverse=True)[:limit]


def people_in(events: Sequence[EventRow]) -> set[uuid.UUID]:
    """Return the ids of everybody these events name."""
    actors = {event.actor_id for event in events if event.actor_id}
    subjects = {e.subject_id for e in events if e.subject_id and e.subject_kind == "user"}
    return actors | subjects


def _before(statement: Any, before_id: int | None) -> Any:
    if before_id is None:
        return statement
    return statement.where(AuditEvent.id < min(before_id, MAX_ID))


def _read(statement: Any, limit: int) -> list[EventRow]:
    rows = db.session.execute(statement.order_by(AuditEvent.id.desc()).limit(limit))
    return [EventRow(**row._asdict()) for row in rows]
