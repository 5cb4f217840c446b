"""Looking at the site as a learner does: support and administrators, for half an hour, read-only.

A view is a session of its own kind that hangs on the viewer's sign-in and ends with it; no cookie
of a browser, no key and no stream is ever found by it. What it may not do is the doors' to say.
"""

import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, select, update

from app.clock import utcnow
from app.database import Prepared, db
from app.domain.accounts.clients import ClientInfo
from app.domain.accounts.models import LoginSession, Role, SessionKind, User, UserStatus
from app.domain.accounts.sessions import MAX_TOKEN_LENGTH, TOKEN_BYTES, WHO, SignedIn, hash_token
from app.domain.accounts.standing import Someone, Target
from app.errors import Forbidden, NotFound

LASTS = timedelta(minutes=30)
VIEWERS = frozenset({Role.SUPPORT, Role.ADMIN})


@dataclass(frozen=True, slots=True)
class View:
    """Whom somebody looks as, and until when."""

    person: SignedIn
    ends_at: datetime


_MOMENT = LoginSession.expires_at.type
_FIND = Prepared(
    select(*WHO, LoginSession.last_seen_at, LoginSession.expires_at)
    .join_from(LoginSession, User, User.id == LoginSession.user_id)
    .where(
        LoginSession.token_hash == bindparam("token_hash", type_=LoginSession.token_hash.type),
        LoginSession.kind == SessionKind.VIEW_AS,
        LoginSession.opened_by_id == bindparam("opened_by_id", type_=LoginSession.id.type),
        LoginSession.revoked_at.is_(None),
        LoginSession.expires_at > bindparam("now", type_=_MOMENT),
        User.status == UserStatus.ACTIVE,
        User.role == Role.LEARNER,
    )
)


def check(viewer: Someone, target: Target) -> None:
    """Let the viewer look as `target` or raise Forbidden, which says why not."""
    if viewer.role not in VIEWERS:
        raise Forbidden("Support and administrators may look at the site as somebody else.")
    if target.role is not Role.LEARNER:
        raise Forbidden("Nobody looks at the site as a member of staff.")
    if target.status is not UserStatus.ACTIVE:
        raise Forbidden("This account is suspended or deleted, so it sees nothing.")


def may(viewer: Someone, target: Target) -> bool:
    """Whether `check` would let the viewer look."""
    try:
        check(viewer, target)
    except Forbidden:
        return False
    return True


def start(viewer: SignedIn, user_id: uuid.UUID, client: ClientInfo) -> str:
    """Begin to look as a learner, ending what this sign-in looked at before; return the token.

    Raises NotFound, Forbidden (also for API keys).
    """
    if viewer.kind is not SessionKind.BROWSER:
        raise Forbidden("No API key opens this. Sign in with a browser.")
    target = db.session.get(User, user_id, populate_existing=True)
    if target is None:
        raise NotFound
    check(viewer, target)
    end(viewer)
    token, now = secrets.token_urlsafe(TOKEN_BYTES), utcnow()
    db.session.add(
        LoginSession(
            token_hash=hash_token(token),
            user_id=target.id,
            kind=SessionKind.VIEW_AS,
            opened_by_id=viewer.session_id,
            created_at=now,
            last_seen_at=now,
            authenticated_at=now,
            expires_at=now + LASTS,
            user_agent=client.user_agent or None,
            ip_address=client.ip,
        )
    )
    db.session.flush()
    return token


def find(viewer: SignedIn, token: str) -> View | None:
    """Return whom this sign-in looks as; None when unknown, over, ended or somebody else's.

    Roles and standing are read anew, so a learner who becomes staff is no longer looked at.
    """
    if viewer.role not in VIEWERS or not token or len(token) > MAX_TOKEN_LENGTH:
        return None
    row = _FIND.first(
        {"token_hash": hash_token(token), "opened_by_id": viewer.session_id, "now": utcnow()}
    )
    if row is None:
        return None
    values = row._asdict()
    ends_at = values.pop("expires_at")
    return View(SignedIn(**values), ends_at)


def end(viewer: SignedIn) -> uuid.UUID | None:
    """End what this sign-in looks at; return whom it was, None when it was nobody."""
    return db.session.scalar(
        update(LoginSession)
        .where(
            LoginSession.opened_by_id == viewer.session_id,
            LoginSession.kind == SessionKind.VIEW_AS,
            LoginSession.revoked_at.is_(None),
            LoginSession.expires_at > utcnow(),
        )
        .values(revoked_at=utcnow())
        .returning(LoginSession.user_id)
        .execution_options(synchronize_session=False)
    )
