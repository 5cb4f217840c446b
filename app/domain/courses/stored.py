"""Which folders of the storage something still refers to: the sweeper removes the others.

Asked with a batch of folder names, each function returns those that are in use.
"""

import uuid
from collections.abc import Callable
from typing import Any

from sqlalchemy import func, select

from app.database import db
from app.domain.courses.file_models import CourseFile, CourseTransfer
from app.domain.courses.models import Course
from app.domain.videos import generations
from app.domain.videos.models import Video
from app.domain.videos.upload_models import Upload, UploadStatus

Names = set[str]


def sources_in_use(names: Names) -> Names:
    """Return which folders hold the source of a video, or a file that is arriving."""
    return _named_by(Video.source_key, "sources", names) | _arriving("sources", names)


def files_in_use(names: Names) -> Names:
    """Return which folders hold a file of a lesson, or one that is arriving."""
    return _named_by(CourseFile.storage_key, "files", names) | _arriving("files", names)


def arrivals_in_use(names: Names) -> Names:
    """Return which folders hold a file that is arriving, or an archive on its way in."""
    return _named_by(CourseTransfer.storage_key, "arrivals", names) | _arriving("arrivals", names)


def courses_in_use(names: Names) -> Names:
    """Return which courses there are."""
    return _existing(Course.id, names)


def videos_in_use(names: Names) -> Names:
    """Return which videos there are."""
    return _existing(Video.id, names)


def covers_in_use(course: str, names: Names) -> Names:
    """Return which cover of a course is the one shown."""
    shown = db.session.scalar(select(Course.cover_id).where(Course.id == uuid.UUID(course)))
    return {str(shown)} & names


def generations_in_use(video: str, names: Names) -> Names:
    """Return which generations of a video are served, kept for a while, or being made."""
    return generations.in_use(uuid.UUID(video), names)


# The folders of the storage that belong to rows, and what lies two levels deep in some of them.
IN_USE: dict[str, Callable[[Names], Names]] = {
    "sources": sources_in_use,
    "files": files_in_use,
    "arrivals": arrivals_in_use,
    "covers": courses_in_use,
    "media": videos_in_use,
}
WITHIN: dict[str, Callable[[str, Names], Names]] = {
    "covers": covers_in_use,
    "media": generations_in_use,
}


def _named_by(column: Any, prefix: str, names: Names, *conditions: Any) -> Names:
    """Return which folders below `prefix` a key in `column` lies in."""
    folder = func.split_part(column, "/", 2)
    statement = select(folder).where(
        column.startswith(f"{prefix}/"), folder.in_(names), *conditions
    )
    return set(db.session.scalars(statement))


def _arriving(prefix: str, names: Names) -> Names:
    return _named_by(Upload.storage_key, prefix, names, Upload.status == UploadStatus.OPEN)


def _existing(column: Any, names: Names) -> Names:
    ids = {identity for name in names if (identity := _uuid(name))}
    return {str(found) for found in db.session.scalars(select(column).where(column.in_(ids)))}


def _uuid(name: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(name)
    except ValueError:
        return None
