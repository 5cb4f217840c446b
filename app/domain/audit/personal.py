"""What the trail says of one person, for their export."""

import uuid
from typing import Any

from sqlalchemy import select, union_all

from app.database import db
from app.domain.audit.models import AuditEvent


def export_of(user_id: uuid.UUID) -> dict[str, Any]:
    """Return what the person did, and what others did to the account.

    Of others it tells that something was done and when, not by whom or from where.
    """
    ids = union_all(
        select(AuditEvent.id).where(AuditEvent.actor_id == user_id),
        select(AuditEvent.id).where(AuditEvent.subject_id == user_id),
    )
    events = db.session.scalars(
        select(AuditEvent).where(AuditEvent.id.in_(ids)).order_by(AuditEvent.id)
    )
    return {"events": [_told(event, event.actor_id == user_id) for event in events]}


def _told(event: AuditEvent, is_own: bool) -> dict[str, Any]:
    told: dict[str, Any] = {
        "occurred_at": event.occurred_at,
        "action": event.action,
        "by": "you" if is_own else event.actor_kind,
    }
    if is_own:
        told |= {
            "ip_address": event.ip_address,
            "user_agent": event.user_agent,
            "detail": event.detail,
        }
    return told
