"""Putting events on the trail, and hands that reach past its trigger."""

from typing import Any

from sqlalchemy import text

from app.database import db
from app.domain.audit import trail
from app.domain.audit.actions import Action
from app.domain.audit.models import AuditEvent
from app.domain.audit.trail import ActorKind, Event


def write(count: int = 1, **values: Any) -> list[AuditEvent]:
    """Append `count` events and return all rows there are, oldest first."""
    for number in range(count):
        values.setdefault("action", Action.SIGNED_IN)
        values.setdefault("actor_kind", ActorKind.PERSON)
        trail.record(Event(detail={"number": number}, **values))
    db.session.commit()
    return rows()


def rows() -> list[AuditEvent]:
    """Return the whole trail, oldest first."""
    db.session.expire_all()
    return list(db.session.query(AuditEvent).order_by(AuditEvent.id))


def tamper(statement: str, **values: Any) -> None:
    """Do what only the table's owner can: change it with its triggers switched off."""
    db.session.execute(text("ALTER TABLE audit_events DISABLE TRIGGER USER"))
    result = db.session.execute(text(statement), values)
    assert result.rowcount > 0, "nothing was tampered with"
    db.session.execute(text("ALTER TABLE audit_events ENABLE TRIGGER USER"))
    db.session.commit()
