"""The pause between a right password and its second factor: whose sign-in waits, and until when."""

import hashlib

from app.database import db
from app.domain.accounts import ceremonies
from app.domain.accounts.models import Ceremony, CeremonyKind, User, UserStatus

KIND = CeremonyKind.SECOND_STEP


def begin(user: User) -> str:
    """Return the token of a sign-in that awaits its second factor: ten minutes, five tries."""
    return ceremonies.begin(KIND, user.id, {"password": _fingerprint(user)}).token


def find(token: str | None) -> User | None:
    """Return who is signing in with `token`; None when it is over, or they may not any more."""
    return _whose(ceremonies.find(token, KIND))


def take_try(token: str | None) -> User | None:
    """Count a try at the second factor and return whose; None when there are none left."""
    return _whose(ceremonies.take_try(token, KIND))


def end(token: str | None) -> bool:
    """Use the step up, in favour of one of several requests at once; False for the others."""
    return ceremonies.use_up(token, KIND) is not None


def _whose(ceremony: Ceremony | None) -> User | None:
    """A password changed in between was perhaps changed because of this very sign-in."""
    if ceremony is None or ceremony.user_id is None:
        return None
    user = db.session.get(User, ceremony.user_id, populate_existing=True)
    if user is None or user.status is not UserStatus.ACTIVE:
        return None
    return user if ceremony.payload.get("password") == _fingerprint(user) else None


def _fingerprint(user: User) -> str:
    return hashlib.sha256((user.password_hash or "").encode()).hexdigest()
