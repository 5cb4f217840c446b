"""What this room knows of one address: for its owner's export, and what goes with the account."""

from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select

from app.database import db
from app.domain.outbox.models import Mail


def export_of(email: str, since: datetime) -> dict[str, Any]:
    """Return the mails to an address since its owner's account began, without any link in them."""
    rows = db.session.scalars(
        select(Mail)
        .where(func.lower(Mail.to_email) == email.lower(), Mail.created_at >= since)
        .order_by(Mail.created_at)
    )
    return {
        "mails": [
            {
                "to": mail.to_email,
                "about": mail.template,
                "language": mail.locale,
                "created_at": mail.created_at,
                "sent_at": mail.sent_at,
                "content": {name: v for name, v in mail.context.items() if not _is_link(name, v)},
            }
            for mail in rows
        ]
    }


def erase(email: str) -> None:
    """Delete the mails to an address, also those not sent yet."""
    db.session.execute(
        delete(Mail)
        .where(func.lower(Mail.to_email) == email.lower())
        .execution_options(synchronize_session=False)
    )


def _is_link(name: str, value: object) -> bool:
    return name.endswith("link") or "://" in str(value)
