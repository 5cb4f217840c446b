"""How much room the files of accounts take in the storage."""

from sqlalchemy import func, select

from app.database import db
from app.domain.accounts.models import DataExport


def stored_bytes() -> dict[str, int]:
    """Return the bytes of exports that wait to be fetched."""
    kept = select(func.sum(DataExport.size_bytes)).where(DataExport.storage_key.is_not(None))
    return {"exports": int(db.session.scalar(kept) or 0)}
