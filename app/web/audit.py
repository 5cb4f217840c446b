"""What a request did, for the audit trail: who and from where are taken from the request."""

from typing import Any
from uuid import UUID

from app.database import db, write_together
from app.domain.accounts.models import SessionKind
from app.domain.audit import trail
from app.domain.audit.actions import Action
from app.domain.audit.trail import ActorKind, Event
from app.observability import request_id
from app.web.access import client_info, viewer


def note(
    action: Action,
    *,
    subject: UUID | None = None,
    subject_kind: str = "user",
    actor: UUID | None = None,
    **detail: Any,
) -> None:
    """Append an event to the trail in this request's transaction; call it right before the commit.

    `actor` defaults to who really asks, `subject` to the actor if it is a person. A request that
    reads has no transaction to note things in, so it gets one here.
    """
    if write_together():
        db.session.commit()
    person = viewer()
    actor_id = actor or (person.user_id if person else None)
    kind = ActorKind.PERSON if actor_id else ActorKind.VISITOR
    if person is not None and person.kind is SessionKind.API_KEY:
        kind = ActorKind.API_KEY
    client = client_info()
    trail.record(
        Event(
            action=action,
            actor_kind=kind,
            actor_id=actor_id,
            subject_kind=subject_kind,
            subject_id=subject or (actor_id if subject_kind == "user" else None),
            ip_address=client.ip,
            user_agent=client.user_agent or None,
            request_id=request_id() or None,
            detail=detail,
        )
    )
