"""Doors for staff that stayed shut, noted in the trail; bounded, so no flood can fill it."""

import logging

from flask import g, request
from limits import parse
from sqlalchemy.exc import OperationalError

from app.database import db
from app.domain.audit.actions import Action
from app.errors import DomainError, Forbidden, ScopeMissing
from app.web import audit
from app.web.extensions import limiter

log = logging.getLogger("web")
STAFF_BLUEPRINT = "admin"
ONCE_A_MINUTE = parse("1 per minute")


def note_refusal(error: DomainError) -> None:
    """Note that somebody was refused by the administration: once a person, endpoint and minute.

    The refusal stands even when it cannot be noted.
    """
    person = g.get("signed_in")
    is_staff_door = request.blueprint == STAFF_BLUEPRINT
    if person is None or not is_staff_door or not isinstance(error, (Forbidden, ScopeMissing)):
        return
    endpoint = request.endpoint or ""
    if not limiter.limiter.hit(ONCE_A_MINUTE, "access-refused", str(person.user_id), endpoint):
        return
    target = (request.view_args or {}).get("user_id")
    try:
        audit.note(
            Action.ACCESS_REFUSED,
            subject=target,
            subject_kind="user" if target else "endpoint",
            endpoint=endpoint,
            method=request.method,
            code=error.code,
        )
        db.session.commit()
    except OperationalError:
        log.exception("a refusal could not be noted")
        db.session.rollback()
