"""How much room the database takes."""

from sqlalchemy import text

from app.database import db


def database_bytes() -> int:
    """Return the size of this site's database."""
    return int(db.session.scalar(text("SELECT pg_database_size(current_database())")) or 0)
