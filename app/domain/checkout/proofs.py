"""Proofs of transfers: sent by buyers, then approved or rejected by staff.

Whoever touches a proof holds its order's row first, so that a proof is decided once.
"""

import uuid
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, select

from app.clock import utcnow
from app.database import db
from app.domain.accounts.models import Role
from app.domain.checkout import fulfilment, notices, proof_duplicates
from app.domain.checkout.models import Order, OrderStatus
from app.domain.checkout.proof_files import Kept
from app.domain.checkout.transfer_models import PaymentProof, ProofStatus
from app.domain.courses.charge import Maker
from app.domain.site import choices
from app.errors import CheckoutRefused, Forbidden, InvalidInput, NotFound

METHOD = "transfer"
MAX_REFERENCE_LENGTH = 80
MAX_REASON_LENGTH = 500
# Also an order that was closed: money that left its sender in time may be told of late.
OPEN_TO_PROOFS = (
    OrderStatus.OPEN,
    OrderStatus.UNDER_REVIEW,
    OrderStatus.EXPIRED,
    OrderStatus.CANCELLED,
)
REVIEWERS = (Role.SUPPORT, Role.ADMIN)
# Who had a proof rejected waits for the review of the next ones, for so long.
TRUST_RETURNS_AFTER = timedelta(days=90)
MORE_TIME = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Result:
    """A proof, and whether this call brought it about; a second click changes nothing."""

    proof: PaymentProof
    order: Order
    is_new: bool


def require_sendable(user_id: uuid.UUID, order_id: uuid.UUID) -> None:
    """Refuse a file that can be of no use before it is looked at.

    Raises NotFound, CheckoutRefused.
    """
    _require_open(user_id, db.session.get(Order, order_id))


def send(user_id: uuid.UUID, order_id: uuid.UUID, kept: Kept, reference: str) -> Result:
    """Add a stored file as the proof of a transfer, for staff to look at.

    The same file sent twice is one proof. Raises NotFound, CheckoutRefused, InvalidInput.
    """
    reference = clean_reference(reference)
    order = _require_open(user_id, fulfilment.lock(order_id))
    waiting = find_pending(order.id)
    if waiting is not None:
        if waiting.sha256 == kept.sha256:
            return Result(waiting, order, is_new=False)
        raise CheckoutRefused("We have your proof already and look at it. Wait for our answer.")
    proof = PaymentProof(
        id=kept.proof_id,
        order_id=order.id,
        reference=reference,
        storage_key=kept.folder,
        content_type=kept.content_type,
        size_bytes=kept.size_bytes,
        sha256=kept.sha256,
        perceptual_hash=kept.fingerprint,
    )
    db.session.add(proof)
    db.session.flush()
    _open_meanwhile(order, proof)
    fulfilment.settle(order)
    notices.tell_proof_arrived(order, order.provisional_ends_at if _is_open(order) else None)
    return Result(proof, order, is_new=True)


def approve(staff: Maker, proof_id: uuid.UUID) -> Result:
    """Take the proof for the money: the order is paid by it.

    Raises NotFound, Forbidden, CheckoutRefused.
    """
    proof, order = _lock_proof(proof_id)
    _require_reviewer(staff, order)
    if proof.status is ProofStatus.APPROVED:
        return Result(proof, order, is_new=False)
    _require_pending(proof)
    _decide(proof, ProofStatus.APPROVED, staff)
    fulfilment.record_payment(
        order, METHOD, f"proof-{proof.id}", order.total_minor, order.currency, by=staff.id
    )
    return Result(proof, order, is_new=True)


def reject(staff: Maker, proof_id: uuid.UUID, reason: str) -> Result:
    """Do not take the proof; its sender is told `reason` and may send another one.

    Access given meanwhile ends. Raises NotFound, Forbidden, CheckoutRefused, InvalidInput.
    """
    reason = " ".join(reason.split())
    if not reason or len(reason) > MAX_REASON_LENGTH or not reason.isprintable():
        remedy = f"Say in at most {MAX_REASON_LENGTH} characters why; the buyer reads it."
        raise InvalidInput({"reason": remedy})
    proof, order = _lock_proof(proof_id)
    _require_reviewer(staff, order)
    if proof.status is ProofStatus.REJECTED:
        return Result(proof, order, is_new=False)
    _require_pending(proof)
    _decide(proof, ProofStatus.REJECTED, staff)
    proof.reject_reason = reason
    now = utcnow()
    if order.provisional_ends_at is not None:
        order.provisional_ends_at = min(order.provisional_ends_at, now)
    if order.ended_as is None:
        order.expires_at = max(order.expires_at, now + MORE_TIME)
    db.session.flush()
    fulfilment.settle(order)
    notices.tell_proof_rejected(order, reason)
    return Result(proof, order, is_new=True)


def find_pending(order_id: uuid.UUID) -> PaymentProof | None:
    """Return the order's proof that waits for its review."""
    return db.session.scalars(
        select(PaymentProof).where(
            PaymentProof.order_id == order_id, PaymentProof.status == ProofStatus.PENDING
        )
    ).first()


def find_newest(order_id: uuid.UUID) -> PaymentProof | None:
    """Return the proof that was sent last for an order."""
    return db.session.scalars(
        select(PaymentProof)
        .where(PaymentProof.order_id == order_id)
        .order_by(PaymentProof.created_at.desc(), PaymentProof.id.desc())
        .limit(1)
    ).first()


def takes_proof(order: Order, newest: PaymentProof | None) -> bool:
    """Whether a proof may be sent for the order now, whose `newest` one so far is this."""
    is_waiting = newest is not None and newest.status is ProofStatus.PENDING
    return order.method == METHOD and order.status in OPEN_TO_PROOFS and not is_waiting


def clean_reference(given: str) -> str:
    """Return a transfer's reference as it is kept. Raises InvalidInput."""
    reference = " ".join(given.split())
    if len(reference) > MAX_REFERENCE_LENGTH or not reference.isprintable():
        raise InvalidInput({"reference": f"Use at most {MAX_REFERENCE_LENGTH} characters."})
    return reference


def _lock_proof(proof_id: uuid.UUID) -> tuple[PaymentProof, Order]:
    """Return a proof and its order, held against another decision. Raises NotFound."""
    order_id = db.session.scalar(select(PaymentProof.order_id).where(PaymentProof.id == proof_id))
    if order_id is None:
        raise NotFound
    # Two who decide at once, or a proof that is just being sent, follow each other.
    order = fulfilment.lock(order_id)
    return db.session.get_one(PaymentProof, proof_id, populate_existing=True), order


def _require_open(user_id: uuid.UUID, order: Order | None) -> Order:
    if order is None or order.user_id != user_id:
        raise NotFound
    if order.method != METHOD:
        raise CheckoutRefused("This order is not paid by transfer. It needs no proof.")
    if order.status not in OPEN_TO_PROOFS:
        raise CheckoutRefused("This order is settled already. It needs no further proof.")
    return order


def _require_reviewer(staff: Maker, order: Order) -> None:
    if staff.role not in REVIEWERS:
        raise Forbidden
    if staff.id == order.user_id and staff.role is not Role.ADMIN:
        raise Forbidden("This is your own order. Let somebody else look at it.")


def _require_pending(proof: PaymentProof) -> None:
    if proof.status is not ProofStatus.PENDING:
        raise CheckoutRefused("Somebody else has decided on this proof already.")


def _decide(proof: PaymentProof, status: ProofStatus, staff: Maker) -> None:
    proof.status = status
    proof.reviewed_at = utcnow()
    proof.reviewed_by_id = staff.id
    db.session.flush()


def _is_open(order: Order) -> bool:
    return order.provisional_ends_at is not None and order.provisional_ends_at > utcnow()


def _open_meanwhile(order: Order, proof: PaymentProof) -> None:
    """Give access until the review, where the site does and nothing speaks against it.

    Once for each person and course, for an order that is under way, with a proof never seen.
    """
    hours = choices.read().provisional_access_hours
    if not hours or order.ended_as is not None or order.provisional_ends_at is not None:
        return
    if proof_duplicates.is_known(proof) or _was_given(order) or _was_rejected(order.user_id):
        return
    order.provisional_ends_at = utcnow() + timedelta(hours=hours)
    db.session.flush()


def _was_given(order: Order) -> bool:
    statement = select(Order.id).where(
        Order.user_id == order.user_id,
        Order.course_id == order.course_id,
        Order.provisional_ends_at.is_not(None),
    )
    return db.session.scalars(statement.limit(1)).first() is not None


def _was_rejected(user_id: uuid.UUID) -> bool:
    statement = (
        select(func.count())
        .select_from(PaymentProof)
        .join(Order, Order.id == PaymentProof.order_id)
        .where(
            Order.user_id == user_id,
            PaymentProof.status == ProofStatus.REJECTED,
            PaymentProof.reviewed_at > utcnow() - TRUST_RETURNS_AFTER,
        )
    )
    return bool(db.session.scalar(statement))
