"""The table of differences from a gateway's books that only people can settle."""

from datetime import datetime

from sqlalchemy import Identity, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.clock import utcnow
from app.database import Base


class BookDifference(Base):
    """What the reconciler found and could not repair, until somebody settled it elsewhere.

    `order_number` is "-" where a payment names no order of ours.
    """

    __tablename__ = "book_differences"
    __table_args__ = (
        UniqueConstraint("method", "order_number", "what"),
        Index(
            "ix_book_differences_unsettled",
            "found_at",
            postgresql_where=text("settled_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    method: Mapped[str]
    order_number: Mapped[str]
    what: Mapped[str]
    found_at: Mapped[datetime] = mapped_column(default=utcnow)
    settled_at: Mapped[datetime | None]
