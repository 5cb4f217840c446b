"""Tables of bank and wallet transfers: where to send money, and the proofs that it was sent."""

import enum
import uuid
from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, text, true
from sqlalchemy.orm import Mapped, mapped_column

from app.clock import utcnow
from app.database import Base


class TransferMethod(Base):
    """An account of the seller's at a bank or wallet; without a currency it takes any."""

    __tablename__ = "transfer_methods"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    name: Mapped[str]
    account_name: Mapped[str]
    account_number: Mapped[str]
    instructions: Mapped[str] = mapped_column(default="")
    currency: Mapped[str | None]
    is_active: Mapped[bool] = mapped_column(default=True, server_default=true())
    position: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    version: Mapped[int] = mapped_column(default=1, server_default=text("1"))
    created_at: Mapped[datetime] = mapped_column(default=utcnow)


class ProofStatus(enum.StrEnum):
    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"


class PaymentProof(Base):
    """A photo or PDF that shows a transfer, and what staff made of it.

    `reference` is the bank's name of the transfer as the payer typed it; `perceptual_hash` is 64
    bits of the picture, null for a PDF, by which the same receipt is known when it is shown twice.
    """

    __tablename__ = "payment_proofs"
    __table_args__ = (
        Index(None, "order_id"),
        Index(
            "uq_payment_proofs_pending",
            "order_id",
            unique=True,
            postgresql_where=text("status = 'pending'"),
        ),
        Index(None, "status", "created_at"),
        Index(None, "reviewed_by_id"),
        Index("ix_payment_proofs_reference", text("translate(lower(reference), ' -', '')")),
        Index(None, "sha256"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    order_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("orders.id"))
    status: Mapped[ProofStatus] = mapped_column(default=ProofStatus.PENDING)
    reference: Mapped[str] = mapped_column(default="")
    storage_key: Mapped[str]
    content_type: Mapped[str]
    size_bytes: Mapped[int] = mapped_column(BigInteger())
    sha256: Mapped[str]
    perceptual_hash: Mapped[int | None] = mapped_column(BigInteger())
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    reviewed_at: Mapped[datetime | None]
    reviewed_by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id"))
    reject_reason: Mapped[str | None]
