"""Tables of coupons and of their uses."""

import enum
import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text, true
from sqlalchemy.dialects.postgresql import CITEXT
from sqlalchemy.orm import Mapped, mapped_column

from app.clock import utcnow
from app.database import Base


class CouponKind(enum.StrEnum):
    PERCENT = "percent"
    AMOUNT = "amount"


class Coupon(Base):
    """A code that lowers prices: by `percent` (1-100), or by `amount_minor` of `currency`.

    Without a course it counts for all of them. `redeemed` counts the orders that hold a use;
    `max_redemptions` and `max_per_user` bound them, null is unbounded.
    """

    __tablename__ = "coupons"
    __table_args__ = (
        Index(None, "course_id"),
        Index(None, "created_by_id"),
        CheckConstraint(
            "(kind = 'percent' AND percent BETWEEN 1 AND 100 AND amount_minor IS NULL"
            " AND currency IS NULL)"
            " OR (kind = 'amount' AND amount_minor > 0 AND currency IS NOT NULL"
            " AND percent IS NULL)",
            name="one_kind",
        ),
        CheckConstraint("redeemed >= 0", name="redeemed_not_negative"),
        CheckConstraint("redeemed <= max_redemptions", name="redeemed_within_limit"),
        CheckConstraint("max_per_user > 0", name="max_per_user_positive"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    code: Mapped[str] = mapped_column(CITEXT(), unique=True)
    kind: Mapped[CouponKind]
    percent: Mapped[int | None]
    amount_minor: Mapped[int | None]
    currency: Mapped[str | None]
    course_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("courses.id", ondelete="CASCADE")
    )
    max_redemptions: Mapped[int | None]
    max_per_user: Mapped[int | None] = mapped_column(default=1)
    redeemed: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    starts_at: Mapped[datetime | None]
    ends_at: Mapped[datetime | None]
    is_active: Mapped[bool] = mapped_column(default=True, server_default=true())
    note: Mapped[str] = mapped_column(default="")
    version: Mapped[int] = mapped_column(default=1, server_default=text("1"))
    created_by_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("users.id", ondelete="SET NULL")
    )
    created_at: Mapped[datetime] = mapped_column(default=utcnow)


class CouponRedemption(Base):
    """One use of a coupon by one order; given back when the order ends without money."""

    __tablename__ = "coupon_redemptions"
    __table_args__ = (
        UniqueConstraint("order_id"),
        Index(None, "coupon_id", "user_id"),
        Index(None, "user_id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    coupon_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("coupons.id", ondelete="CASCADE"))
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"))
    order_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("orders.id"))
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    released_at: Mapped[datetime | None]
