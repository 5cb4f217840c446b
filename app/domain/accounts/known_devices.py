"""Whether somebody has signed in like this before, so that a sign-in from elsewhere is told."""

from collections.abc import Callable
from uuid import UUID

from sqlalchemy import exists, select

from app.database import db
from app.domain.accounts.clients import ClientInfo
from app.domain.accounts.models import LoginSession, SessionKind
from app.domain.audit.actions import Action
from app.domain.audit.models import AuditEvent

REMEMBERED = 200


def is_new(user_id: UUID, client: ClientInfo, name_of: Callable[[str], str]) -> bool:
    """Whether neither the device's name nor its network was seen for the account before.

    The very first sign-in is no news; ask before the session starts. `name_of` turns a user agent
    into a device's name.
    """
    rows = db.session.execute(
        select(LoginSession.user_agent, LoginSession.ip_address)
        .where(LoginSession.user_id == user_id, LoginSession.kind == SessionKind.BROWSER)
        .order_by(LoginSession.created_at.desc())
        .limit(REMEMBERED)
    )
    seen = [ClientInfo.of(address, agent) for agent, address in rows]
    if not seen:  # sessions are forgotten after a while, the trail is not
        return _has_signed_in(user_id)
    names = {name_of(known.user_agent) for known in seen}
    networks = {known.network for known in seen}
    return name_of(client.user_agent) not in names and client.network not in networks


def _has_signed_in(user_id: UUID) -> bool:
    signed_in = exists().where(
        AuditEvent.actor_id == user_id, AuditEvent.action == Action.SIGNED_IN.value
    )
    return bool(db.session.scalar(select(signed_in)))
