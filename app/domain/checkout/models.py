"""Tables of orders and of the facts about them: payments, refunds, disputes, gateways' events."""

import enum
import uuid
from datetime import datetime

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.clock import utcnow
from app.database import Base
from app.domain.accounts.models import User
from app.domain.courses.models import Course


class OrderStatus(enum.StrEnum):
    """Where an order stands; always what `standing.status_of` makes of its facts.

    `open`, `under_review` and `held` are live: they keep a seat and a coupon. The others are ends,
    which only a further fact (a late payment, a refund, a dispute) can move on.
    """

    OPEN = "open"
    UNDER_REVIEW = "under_review"
    HELD = "held"
    PAID = "paid"
    REFUNDED = "refunded"
    DISPUTED = "disputed"
    CHARGED_BACK = "charged_back"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


LIVE_STATUSES = (OrderStatus.OPEN, OrderStatus.UNDER_REVIEW, OrderStatus.HELD)
LIVE = text("status IN ('open', 'under_review', 'held')")
# A payment that came late may hold an order beside which another was opened since.
PAYABLE = text("status IN ('open', 'under_review')")


class EndReason(enum.StrEnum):
    """Why an order ended without money."""

    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class Order(Base):
    """One person buys one course. Amounts are integer minor units of `currency` (ISO 4217).

    What is bought, by whom and for how much never changes; `total_minor` is the list price less
    the discount. `number` is what people quote. `method` names how it is paid ("card",
    "transfer", "free"), `gateway_reference` the gateway's name for the attempt. `ended_as` says
    how it ended without money. `hold_reason` keeps access back until staff has looked;
    `held_released_at` is when they let it pass. `provisional_ends_at` gives access before the proof
    was looked at. `next_check_at` is when the gateway is asked next what became of it.
    """

    __tablename__ = "orders"
    __table_args__ = (
        Index("uq_orders_live", "user_id", "course_id", unique=True, postgresql_where=PAYABLE),
        UniqueConstraint("user_id", "idempotency_key"),
        UniqueConstraint("method", "gateway_reference"),
        Index(None, "user_id", "created_at"),
        Index(None, "course_id"),
        Index(None, "created_at", "id"),
        Index(None, "coupon_id"),
        Index(None, "transfer_method_id"),
        Index(None, "held_released_by_id"),
        Index(None, "next_check_at", postgresql_where=LIVE),
        Index(None, "expires_at", postgresql_where=LIVE),
        Index("ix_orders_held", "created_at", postgresql_where=text("status = 'held'")),
        Index(
            None, "provisional_ends_at", postgresql_where=text("provisional_ends_at IS NOT NULL")
        ),
        CheckConstraint("list_price_minor >= 0", name="list_price_not_negative"),
        CheckConstraint("discount_minor BETWEEN 0 AND list_price_minor", name="discount_in_price"),
        CheckConstraint("total_minor = list_price_minor - discount_minor", name="total_adds_up"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    number: Mapped[str] = mapped_column(unique=True)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"))
    user: Mapped[User] = relationship(lazy="raise", foreign_keys=[user_id])
    course_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("courses.id"))
    course: Mapped[Course] = relationship(lazy="raise")
    course_title: Mapped[str]
    status: Mapped[OrderStatus] = mapped_column(default=OrderStatus.OPEN)
    method: Mapped[str]
    transfer_method_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("transfer_methods.id", ondelete="SET NULL")
    )
    list_price_minor: Mapped[int]
    discount_minor: Mapped[int] = mapped_column(default=0)
    total_minor: Mapped[int]
    currency: Mapped[str]
    coupon_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("coupons.id", ondelete="SET NULL")
    )
    coupon_code: Mapped[str | None]
    idempotency_key: Mapped[str | None]
    fingerprint: Mapped[str | None]
    gateway_reference: Mapped[str | None]
    redirect_url: Mapped[str | None]
    consented_at: Mapped[datetime]
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    expires_at: Mapped[datetime]
    next_check_at: Mapped[datetime | None]
    checks: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    last_trouble: Mapped[str | None]
    paid_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    ended_as: Mapped[EndReason | None]
    hold_reason: Mapped[str | None]
    held_released_at: Mapped[datetime | None]
    held_released_by_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("users.id", ondelete="SET NULL")
    )
    provisional_ends_at: Mapped[datetime | None]


class Payment(Base):
    """Money that arrived for an order: a fact, never changed. `recorded_by_id` saw a transfer."""

    __tablename__ = "payments"
    __table_args__ = (
        UniqueConstraint("gateway", "gateway_payment_id"),
        Index(None, "order_id"),
        Index(None, "received_at"),
        Index(None, "recorded_by_id"),
        CheckConstraint("amount_minor > 0", name="amount_positive"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    order_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("orders.id"))
    gateway: Mapped[str]
    gateway_payment_id: Mapped[str]
    amount_minor: Mapped[int]
    currency: Mapped[str]
    received_at: Mapped[datetime] = mapped_column(default=utcnow)
    recorded_by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id"))


class RefundStatus(enum.StrEnum):
    REQUESTED = "requested"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class Refund(Base):
    """Money that goes back, or went. One that the gateway told of first has nobody who asked."""

    __tablename__ = "refunds"
    __table_args__ = (
        Index(None, "order_id"),
        Index(None, "payment_id"),
        Index(None, "requested_by_id"),
        Index(None, "created_at", "id"),
        Index(
            "ix_refunds_moved_at",
            text("coalesce(settled_at, created_at)"),
            postgresql_where=text("status = 'succeeded'"),
        ),
        Index("ix_refunds_failed", "created_at", postgresql_where=text("status = 'failed'")),
        Index("ix_refunds_requested", "created_at", postgresql_where=text("status = 'requested'")),
        UniqueConstraint("order_id", "idempotency_key"),
        CheckConstraint("amount_minor > 0", name="amount_positive"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    order_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("orders.id"))
    payment_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("payments.id"))
    status: Mapped[RefundStatus] = mapped_column(default=RefundStatus.REQUESTED)
    amount_minor: Mapped[int]
    currency: Mapped[str]
    ends_access: Mapped[bool] = mapped_column(default=True)
    reason: Mapped[str] = mapped_column(default="")
    gateway_refund_id: Mapped[str | None]
    error_detail: Mapped[str | None]
    idempotency_key: Mapped[str | None]
    requested_by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    settled_at: Mapped[datetime | None]


class DisputeStatus(enum.StrEnum):
    """How a dispute stands; `won` gives access back, `lost` is a chargeback."""

    OPEN = "open"
    WON = "won"
    LOST = "lost"


class Dispute(Base):
    """A payer asks their bank for the money back."""

    __tablename__ = "disputes"
    __table_args__ = (
        UniqueConstraint("gateway", "gateway_dispute_id"),
        Index("ix_disputes_open", "opened_at", postgresql_where=text("status = 'open'")),
        Index(
            "ix_disputes_lost_at",
            text("coalesce(closed_at, opened_at)"),
            postgresql_where=text("status = 'lost'"),
        ),
        Index(None, "order_id"),
        Index(None, "payment_id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    order_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("orders.id"))
    payment_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("payments.id"))
    gateway: Mapped[str]
    gateway_dispute_id: Mapped[str]
    status: Mapped[DisputeStatus] = mapped_column(default=DisputeStatus.OPEN)
    amount_minor: Mapped[int]
    opened_at: Mapped[datetime] = mapped_column(default=utcnow)
    closed_at: Mapped[datetime | None]


class EventOutcome(enum.StrEnum):
    """What came of a gateway's event: `waiting` ones are looked up at the gateway by the worker."""

    APPLIED = "applied"
    IGNORED = "ignored"
    WAITING = "waiting"
    REFUSED = "refused"


class WebhookEvent(Base):
    """An event as a gateway signed it, kept under its own id together with its effect."""

    __tablename__ = "webhook_events"
    __table_args__ = (
        UniqueConstraint("gateway", "event_id"),
        Index(None, "order_id"),
        Index(None, "received_at"),
        Index(
            "ix_webhook_events_unsettled",
            "received_at",
            postgresql_where=text("outcome IN ('waiting', 'refused')"),
        ),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    gateway: Mapped[str]
    event_id: Mapped[str]
    type: Mapped[str]
    payload: Mapped[str]
    payment_id: Mapped[str | None]
    order_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("orders.id"))
    outcome: Mapped[EventOutcome]
    detail: Mapped[str | None]
    created_at: Mapped[datetime]
    received_at: Mapped[datetime] = mapped_column(default=utcnow)
    is_live: Mapped[bool] = mapped_column(default=False, server_default=false())
