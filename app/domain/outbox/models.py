"""The table of outgoing mail: queued with its cause, sent by the worker."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.clock import utcnow
from app.database import Base


class Mail(Base):
    """One mail to one person: a template and its values, rendered when it is sent.

    `context` may hold one-time links, so it is emptied once the mail has gone (except in the demo,
    whose outbox page shows it). `failed_at` is set when the last attempt has failed.
    """

    __tablename__ = "mails"
    __table_args__ = (
        Index(None, "created_at"),
        Index(None, "sent_at"),
        Index(None, "failed_at", postgresql_where=text("failed_at IS NOT NULL")),
        Index(
            "ix_mails_waiting",
            "created_at",
            postgresql_where=text("sent_at IS NULL AND failed_at IS NULL"),
        ),
        Index("ix_mails_troubled", "created_at", postgresql_where=text("last_error IS NOT NULL")),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    to_email: Mapped[str]
    template: Mapped[str]
    locale: Mapped[str | None]
    context: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    attempts: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str | None]
    sent_at: Mapped[datetime | None]
    failed_at: Mapped[datetime | None]
