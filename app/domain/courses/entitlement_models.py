"""The ledger of who was let into a course and who lost it, and the seats that orders keep."""

import enum
import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, Identity, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.clock import utcnow
from app.database import Base
from app.domain.courses.models import EnrollmentSource, RevocationReason


class EntitlementKind(enum.StrEnum):
    GRANT = "grant"
    REVOCATION = "revocation"


class Entitlement(Base):
    """One grant or revocation: a fact, never changed (a trigger sees to it).

    Facts of one `order_id`, or without an order of all other sources together, supersede each
    other; access is live while the last fact of any of them is a grant. `actor_id` is who did it,
    null for the system.
    """

    __tablename__ = "entitlements"
    __table_args__ = (
        Index(None, "user_id", "course_id", "id"),
        Index(None, "course_id"),
        Index(None, "order_id"),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    course_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("courses.id", ondelete="CASCADE"))
    kind: Mapped[EntitlementKind]
    source: Mapped[EnrollmentSource]
    reason: Mapped[RevocationReason | None]
    order_id: Mapped[uuid.UUID | None]
    actor_id: Mapped[uuid.UUID | None]
    created_at: Mapped[datetime] = mapped_column(default=utcnow)


class SeatHold(Base):
    """A seat that a live order keeps in a course with few; `order_id` is a floor above."""

    __tablename__ = "seat_holds"
    __table_args__ = (Index(None, "course_id"), Index(None, "user_id"))

    order_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    course_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("courses.id", ondelete="CASCADE"))
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
