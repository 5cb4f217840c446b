"""Proofs as staff goes through them: the longest waiting first, one leading to the next."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select, tuple_
from sqlalchemy.orm import aliased

from app.database import db
from app.domain.accounts.models import User
from app.domain.checkout.models import Order, OrderStatus
from app.domain.checkout.proof_duplicates import is_same_transfer
from app.domain.checkout.transfer_models import PaymentProof, ProofStatus, TransferMethod
from app.domain.courses.models import Course
from app.errors import NotFound

Position = tuple[datetime, uuid.UUID]


@dataclass(frozen=True, slots=True)
class ProofRow:
    """A proof beside its order. `is_known` says that its file or reference came before."""

    id: uuid.UUID
    created_at: datetime
    status: ProofStatus
    reference: str
    content_type: str
    size_bytes: int
    storage_key: str
    reject_reason: str | None
    reviewed_at: datetime | None
    order_id: uuid.UUID
    order_number: str
    order_status: OrderStatus
    total_minor: int
    currency: str
    ordered_at: datetime
    provisional_ends_at: datetime | None
    user_id: uuid.UUID
    user_name: str
    user_email: str
    course_slug: str
    course_title: str
    account_name: str | None
    account_number: str | None
    reviewer_name: str | None
    is_known: bool


_OTHER = aliased(PaymentProof)
_REVIEWER = aliased(User)
_IS_KNOWN = (
    select(_OTHER.id)
    .where(_OTHER.id != PaymentProof.id, is_same_transfer(_OTHER, PaymentProof))
    .correlate(PaymentProof)
    .exists()
)


def _rows() -> Select[*tuple[Any, ...]]:
    return (
        select(
            PaymentProof.id, PaymentProof.created_at, PaymentProof.status, PaymentProof.reference,
            PaymentProof.content_type, PaymentProof.size_bytes, PaymentProof.storage_key,
            PaymentProof.reject_reason, PaymentProof.reviewed_at, Order.id, Order.number,
            Order.status, Order.total_minor, Order.currency, Order.created_at,
            Order.provisional_ends_at, User.id, User.name, User.email, Course.slug,
            Order.course_title, TransferMethod.name, TransferMethod.account_number,
            _REVIEWER.name, _IS_KNOWN,
        )
        .join(Order, Order.id == PaymentProof.order_id)
        .join(User, User.id == Order.user_id)
        .join(Course, Course.id == Order.course_id)
        .outerjoin(TransferMethod, TransferMethod.id == Order.transfer_method_id)
        .outerjoin(_REVIEWER, _REVIEWER.id == PaymentProof.reviewed_by_id)
    )  # fmt: skip


def list_proofs(status: ProofStatus, after: Position | None, limit: int) -> list[ProofRow]:
    """Return proofs behind `after`: those that wait the oldest first, the others newest first."""
    place = tuple_(PaymentProof.created_at, PaymentProof.id)
    statement = _rows().where(PaymentProof.status == status).limit(limit)
    if status is ProofStatus.PENDING:
        statement = statement.order_by(PaymentProof.created_at, PaymentProof.id)
        if after is not None:
            statement = statement.where(place > after)
    else:
        statement = statement.order_by(PaymentProof.created_at.desc(), PaymentProof.id.desc())
        if after is not None:
            statement = statement.where(place < after)
    return [ProofRow(*row) for row in db.session.execute(statement)]


def get_proof(proof_id: uuid.UUID) -> ProofRow:
    """Return a proof beside its order. Raises NotFound."""
    row = db.session.execute(_rows().where(PaymentProof.id == proof_id)).first()
    if row is None:
        raise NotFound
    return ProofRow(*row)


def get_plain(proof_id: uuid.UUID) -> PaymentProof:
    """Return a proof alone. Raises NotFound."""
    proof = db.session.get(PaymentProof, proof_id)
    if proof is None:
        raise NotFound
    return proof


def list_of_order(order_id: uuid.UUID) -> list[ProofRow]:
    """Return the proofs of an order, newest first (there are few)."""
    statement = _rows().where(PaymentProof.order_id == order_id)
    statement = statement.order_by(PaymentProof.created_at.desc(), PaymentProof.id.desc())
    return [ProofRow(*row) for row in db.session.execute(statement.limit(50))]


def count_pending() -> int:
    """Return how many proofs wait for their review."""
    waiting = select(func.count()).where(PaymentProof.status == ProofStatus.PENDING)
    return db.session.scalar(waiting) or 0


def find_neighbours(row: ProofRow) -> tuple[uuid.UUID | None, uuid.UUID | None]:
    """Return which waiting proofs come before and after this one; round the end to the first."""
    pending = select(PaymentProof.id).where(
        PaymentProof.status == ProofStatus.PENDING, PaymentProof.id != row.id
    )
    place = tuple_(PaymentProof.created_at, PaymentProof.id)
    here = (row.created_at, row.id)
    upwards = (PaymentProof.created_at, PaymentProof.id)
    downwards = (PaymentProof.created_at.desc(), PaymentProof.id.desc())
    before = db.session.scalar(pending.where(place < here).order_by(*downwards).limit(1))
    after = db.session.scalar(pending.where(place > here).order_by(*upwards).limit(1))
    return before, after or db.session.scalar(pending.order_by(*upwards).limit(1))
