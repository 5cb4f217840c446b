"""Samples of what is counted, so that the system page can say how much there was when."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Identity, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.clock import utcnow
from app.database import Base


class SystemSample(Base):
    """What the counters of one host stood at, added up over its processes."""

    __tablename__ = "system_samples"
    __table_args__ = (Index(None, "host", "taken_at"), Index(None, "taken_at"))

    id: Mapped[int] = mapped_column(BigInteger(), Identity(always=True), primary_key=True)
    host: Mapped[str]
    taken_at: Mapped[datetime] = mapped_column(default=utcnow)
    figures: Mapped[dict[str, Any]]
