"""How long it stays known which sign-in played what."""

from datetime import timedelta

from sqlalchemy import delete, exists, func, select

from app.clock import utcnow
from app.database import db
from app.domain.accounts.models import LoginSession
from app.domain.playback.models import PlaybackSession

KEPT_FOR = timedelta(days=90)
BATCH = 1000


def forget_old_sign_ins() -> int:
    """Delete some sign-ins that ended three months ago; return how many went.

    One that a stream of the last three months refers to stays: a leaked recording is traced by
    it. Older streams go with their sign-in, and an API key with the one it stands on.
    """
    before = utcnow() - KEPT_FOR
    ended_at = func.least(LoginSession.expires_at, LoginSession.revoked_at)
    is_referred_to = exists().where(
        PlaybackSession.login_session_id == LoginSession.id, PlaybackSession.created_at >= before
    )
    old = select(LoginSession.id).where(ended_at < before, ~is_referred_to).limit(BATCH)
    gone = db.session.scalars(
        delete(LoginSession)
        .where(LoginSession.id.in_(old))
        .returning(LoginSession.id)
        .execution_options(synchronize_session=False)
    )
    return len(gone.all())
