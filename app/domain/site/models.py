"""The tables of what the people who run the site decide about it, and of its content's version."""

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, false, text, true
from sqlalchemy.orm import Mapped, mapped_column

from app.clock import utcnow
from app.database import Base


class ContentVersion(Base):
    """A share of the version of what visitors may see, which is the sum of all rows.

    Written and read by the application's cache: one row for each that changes content at a time.
    """

    __tablename__ = "content_versions"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    version: Mapped[int] = mapped_column(BigInteger(), default=0, server_default=text("0"))


class SiteChoices(Base):
    """The one row of choices; null leaves a thing to the installation's settings.

    `accent_hue` is degrees in OKLCH. `logo_id` names the stored logo. Limits only narrow what the
    installation allows. `receipt_details` is who sells, as receipts say it; access is given for
    `provisional_access_hours` while a proof of payment waits (0: not at all).
    """

    __tablename__ = "site_choices"
    __table_args__ = (
        CheckConstraint("id = 1", name="only_one"),
        CheckConstraint("accent_hue BETWEEN 0 AND 359", name="hue_in_degrees"),
        Index(None, "updated_by_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True, default=1, autoincrement=False)
    version: Mapped[int] = mapped_column(default=1)
    name: Mapped[str | None]
    accent_hue: Mapped[int | None]
    logo_id: Mapped[uuid.UUID | None]
    support_email: Mapped[str | None]
    max_streams: Mapped[int | None]
    max_video_upload_bytes: Mapped[int | None] = mapped_column(BigInteger())
    media_quota_bytes: Mapped[int | None] = mapped_column(BigInteger())
    takes_cards: Mapped[bool] = mapped_column(default=True, server_default=true())
    takes_transfers: Mapped[bool] = mapped_column(default=False, server_default=false())
    transfer_instructions: Mapped[str] = mapped_column(default="", server_default=text("''"))
    provisional_access_hours: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    receipt_details: Mapped[str] = mapped_column(default="", server_default=text("''"))
    updated_at: Mapped[datetime] = mapped_column(default=utcnow)
    updated_by_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("users.id", ondelete="SET NULL")
    )
