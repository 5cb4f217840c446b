"""How much room the files of courses take in the storage."""

from sqlalchemy import func, select

from app.database import db
from app.domain.courses.file_models import CourseFile, CourseTransfer


def stored_bytes() -> dict[str, int]:
    """Return the bytes of documents and of archives; copies of a course share what is stored."""
    files = select(CourseFile.storage_key, CourseFile.size_bytes).distinct().subquery()
    archives = select(func.sum(CourseTransfer.size_bytes)).where(
        CourseTransfer.storage_key.is_not(None)
    )
    sums = {"files": select(func.sum(files.c.size_bytes)), "archives": archives}
    return {kind: int(db.session.scalar(query) or 0) for kind, query in sums.items()}
