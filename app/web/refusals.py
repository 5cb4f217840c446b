"""Doors that stayed shut, noted in the trail; bounded, so no flood can fill it."""

import logging
from uuid import UUID

from flask import g, request
from limits import parse
from sqlalchemy.exc import OperationalError

from app.database import db
from app.domain.audit.actions import Action
from app.errors import DomainError, Forbidden, ScopeMissing
from app.web import audit
from app.web.access import client_info
from app.web.extensions import limiter

log = logging.getLogger("web")
STAFF_BLUEPRINT = "admin"
ACCOUNT_BLUEPRINT = "auth"
ONCE_A_MINUTE = parse("1 per minute")


def note_refusal(error: DomainError) -> None:
    """Note that somebody was refused by the administration: once a person, endpoint and minute."""
    person = g.get("signed_in")
    is_staff_door = request.blueprint == STAFF_BLUEPRINT
    if person is None or not is_staff_door or not isinstance(error, (Forbidden, ScopeMissing)):
        return
    _note(str(person.user_id), error.code, (request.view_args or {}).get("user_id"))


def note_limit() -> None:
    """Note that a door of accounts was knocked at too often: once a network, door and minute."""
    if request.blueprint == ACCOUNT_BLUEPRINT:
        db.session.rollback()
        _note(client_info().network, "RATE_LIMITED", None)


def _note(who: str, code: str, target: UUID | None) -> None:
    """Write the event unless this minute has one; the refusal stands even when it cannot."""
    endpoint = request.endpoint or ""
    if not limiter.limiter.hit(ONCE_A_MINUTE, "access-refused", who, endpoint):
        return
    try:
        audit.note(
            Action.ACCESS_REFUSED,
            subject=target,
            subject_kind="user" if target else "endpoint",
            endpoint=endpoint,
            method=request.method,
            code=code,
        )
        db.session.commit()
    except OperationalError:
        log.exception("a refusal could not be noted")
        db.session.rollback()
