"""Deciding on proofs: what the review's pages and the JSON have in common."""

from typing import Any
from uuid import UUID

from app.database import db
from app.domain.accounts.models import Role
from app.domain.accounts.sessions import SignedIn
from app.domain.audit.actions import Action
from app.domain.checkout import proofs
from app.domain.checkout.proofs import Result
from app.web import audit
from app.web.access import require_role


def require_reviewer() -> SignedIn:
    """Return who goes through the proofs. Raises SignInRequired, Forbidden."""
    return require_role(Role.SUPPORT, Role.ADMIN)


def approve(proof_id: UUID) -> Result:
    """Take a proof for the money. Raises NotFound, Forbidden, CheckoutRefused."""
    result = proofs.approve(require_reviewer(), proof_id)
    return _noted(result, Action.PROOF_APPROVED, {})


def reject(proof_id: UUID, reason: str) -> Result:
    """Do not take a proof. Raises NotFound, Forbidden, CheckoutRefused, InvalidInput."""
    result = proofs.reject(require_reviewer(), proof_id, reason)
    return _noted(result, Action.PROOF_REJECTED, {"reason": result.proof.reject_reason})


def _noted(result: Result, action: Action, detail: dict[str, Any]) -> Result:
    if result.is_new:
        audit.note(
            action,
            subject=result.order.id,
            subject_kind="order",
            proof=str(result.proof.id),
            number=result.order.number,
            **detail,
        )
    db.session.commit()
    return result
