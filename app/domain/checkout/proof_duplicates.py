"""Proofs shown before: the same file, the same reference, or a picture that looks the same."""

import enum
import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BIGINT, ColumnElement, and_, cast, func, literal, or_, select
from sqlalchemy.dialects.postgresql import BIT
from sqlalchemy.sql.elements import SQLCoreOperations

from app.database import db
from app.domain.checkout.models import Order
from app.domain.checkout.transfer_models import PaymentProof, ProofStatus

MAX_DISTANCE = 6
MAX_SHOWN = 20
# Shorter ones ("1", "paid") say nothing about a transfer.
MIN_REFERENCE_LENGTH = 4
_BITS = 64


class Likeness(enum.StrEnum):
    """Why a proof is taken for another one, the surest first."""

    FILE = "same_file"
    REFERENCE = "same_reference"
    PICTURE = "looks_alike"


@dataclass(frozen=True, slots=True)
class Duplicate:
    """An other proof that this one resembles."""

    proof_id: uuid.UUID
    order_id: uuid.UUID
    order_number: str
    status: ProofStatus
    created_at: datetime
    is_own_order: bool
    why: tuple[Likeness, ...]


def list_duplicates(proof: PaymentProof) -> list[Duplicate]:
    """Return the other proofs that this one resembles, newest first (at most 20)."""
    reasons = {
        Likeness.FILE: PaymentProof.sha256 == proof.sha256,
        Likeness.REFERENCE: _same_reference(proof),
        Likeness.PICTURE: _looks_alike(proof),
    }
    known = {why: condition for why, condition in reasons.items() if condition is not None}
    statement = (
        select(PaymentProof, Order.number, *known.values())
        .join(Order, Order.id == PaymentProof.order_id)
        .where(PaymentProof.id != proof.id, or_(*known.values()))
        .order_by(PaymentProof.created_at.desc(), PaymentProof.id.desc())
        .limit(MAX_SHOWN)
    )
    return [
        Duplicate(
            proof_id=other.id,
            order_id=other.order_id,
            order_number=number,
            status=other.status,
            created_at=other.created_at,
            is_own_order=other.order_id == proof.order_id,
            why=tuple(why for why, holds in zip(known, found, strict=True) if holds),
        )
        for other, number, *found in db.session.execute(statement)
    ]


def is_known(proof: PaymentProof) -> bool:
    """Whether the same file or reference was sent for another order."""
    same = [PaymentProof.sha256 == proof.sha256]
    by_reference = _same_reference(proof)
    if by_reference is not None:
        same.append(by_reference)
    statement = select(PaymentProof.id).where(PaymentProof.order_id != proof.order_id, or_(*same))
    return db.session.scalars(statement.limit(1)).first() is not None


def is_same_transfer(one: type[PaymentProof], other: type[PaymentProof]) -> ColumnElement[bool]:
    """Say whether two proofs are of the same file or name the same reference."""
    by_reference = and_(
        func.length(_plain(one.reference)) >= MIN_REFERENCE_LENGTH,
        _plain(one.reference) == _plain(other.reference),
    )
    return or_(one.sha256 == other.sha256, by_reference)


def _same_reference(proof: PaymentProof) -> ColumnElement[bool] | None:
    if len(proof.reference.replace(" ", "").replace("-", "")) < MIN_REFERENCE_LENGTH:
        return None
    return _plain(PaymentProof.reference) == _plain(literal(proof.reference))


def _plain(reference: SQLCoreOperations[str]) -> ColumnElement[str]:
    """Return a reference without case, spaces and dashes, as the index has it."""
    return func.translate(func.lower(reference), " -", "")


def _looks_alike(proof: PaymentProof) -> ColumnElement[bool] | None:
    if proof.perceptual_hash is None:
        return None
    differing = PaymentProof.perceptual_hash.bitwise_xor(literal(proof.perceptual_hash, BIGINT))
    return func.coalesce(func.bit_count(cast(differing, BIT(_BITS))) <= MAX_DISTANCE, False)
