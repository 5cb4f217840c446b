"""Doing something to somebody's account: what the pages and their JSON twins have in common.

Each act asks for a recent proof of who is acting, is noted in the trail and committed. Doing it a
second time changes nothing and notes nothing.
"""

from typing import Any
from uuid import UUID

from app.database import db
from app.domain.accounts import standing
from app.domain.accounts.models import Role
from app.domain.accounts.sessions import SignedIn
from app.domain.audit.actions import Action
from app.web import audit
from app.web.access import require_recent, require_role

SUPPORTERS = (Role.SUPPORT, Role.ADMIN)


def require_supporter() -> SignedIn:
    """Return who is signed in if they look after people. Raises SignInRequired, Forbidden."""
    return require_role(*SUPPORTERS)


def require_actor() -> SignedIn:
    """Return who may act now. Raises SignInRequired, Forbidden, ConfirmationRequired."""
    person = require_supporter()
    require_recent(person)
    return person


def suspend(user_id: UUID, reason: str) -> bool:
    """Suspend somebody; False when they were. Raises NotFound, Forbidden, ConfirmationRequired."""
    is_new = standing.suspend(require_actor(), user_id)
    return _settle(is_new, Action.ACCOUNT_SUSPENDED, user_id, reason=reason)


def reinstate(user_id: UUID) -> bool:
    """Reinstate somebody; False when they were not suspended. Raises as `suspend` does."""
    is_new = standing.reinstate(require_actor(), user_id)
    return _settle(is_new, Action.ACCOUNT_REINSTATED, user_id)


def change_role(user_id: UUID, role: Role) -> bool:
    """Change somebody's role; False when it is theirs already. Raises as `suspend` does."""
    before = standing.change_role(require_actor(), user_id, role)
    names = {"before": before.value if before else None, "after": role.value}
    return _settle(before is not None, Action.ROLE_CHANGED, user_id, **names)


def end_sessions(user_id: UUID) -> bool:
    """Sign somebody out everywhere; False when they were. Raises as `suspend` does."""
    is_new = standing.end_sessions(require_actor(), user_id)
    return _settle(is_new, Action.SESSIONS_ENDED, user_id)


def reset_second_factor(user_id: UUID) -> bool:
    """Remove somebody's second factors; False when there were none. Raises as `suspend` does."""
    is_new = standing.reset_second_factor(require_actor(), user_id)
    return _settle(is_new, Action.SECOND_FACTOR_REMOVED, user_id, by="staff")


def _settle(is_new: bool, action: Action, user_id: UUID, **detail: Any) -> bool:
    if is_new:
        audit.note(action, subject=user_id, **detail)
    db.session.commit()
    return is_new
