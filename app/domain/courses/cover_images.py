"""Covers that somebody uploaded: drawn anew in fixed widths, seen wherever their course is.

A cover never changes: another picture is another cover, with another address.
"""

import uuid
from pathlib import Path, PurePosixPath

from sqlalchemy import bindparam, select

from app.current import integrations, settings
from app.database import Prepared, db
from app.domain.accounts.models import Role
from app.domain.courses.access import IS_ADMIN, OPEN_STATUSES, USER_ID, is_visible
from app.domain.courses.charge import Maker, course_in_charge
from app.domain.courses.models import Course
from app.domain.courses.public_pages import refresh_pages
from app.domain.videos import scratch
from app.errors import NotFound
from app.integrations.images import VARIANT_TYPE

FOLDER = "covers"
WORK_FOLDER = "work"
WIDTHS = (320, 640, 1280)
ASPECT = (16, 9)
MIN_SIDE = 180
MAX_BYTES = 20 * 1024**2


def folder_of(course_id: uuid.UUID, cover_id: uuid.UUID) -> str:
    """Return the storage folder of a cover's variants."""
    return f"{FOLDER}/{course_id}/{cover_id}"


def key_of(course_id: uuid.UUID, cover_id: uuid.UUID, width: int) -> str:
    """Return where a variant is stored."""
    return f"{folder_of(course_id, cover_id)}/{width}.webp"


def draw(course_id: uuid.UUID, source_key: str) -> uuid.UUID:
    """Draw a stored picture as a cover and return its id; no course shows it yet.

    Takes up to seconds, so no transaction should be open. Raises FileRefused, StorageFull,
    StorageUnavailable.
    """
    cover_id = uuid.uuid4()
    with scratch.folder(settings.data_dir / WORK_FOLDER, f"cover-{cover_id}") as folder:
        source = folder / "source"
        integrations.storage.fetch_to(source_key, source)
        store(source, course_id, cover_id)
    return cover_id


def store(source: Path, course_id: uuid.UUID, cover_id: uuid.UUID) -> None:
    """Draw the picture at `source` and store its variants. Raises as `draw` does."""
    target = source.parent / "variants"
    target.mkdir()
    integrations.images.make_variants(source, target, WIDTHS, ASPECT, min_side=MIN_SIDE)
    for width in WIDTHS:
        key = key_of(course_id, cover_id, width)
        integrations.storage.put_file(key, target / f"{width}.webp", VARIANT_TYPE)


def put_up(maker: Maker, course_id: uuid.UUID, cover_id: uuid.UUID | None) -> uuid.UUID | None:
    """Make `cover_id` the course's cover, None for the drawn one; return the one before.

    Raises NotFound, Forbidden.
    """
    course = course_in_charge(maker, course_id, lock=True)
    before, course.cover_id = course.cover_id, cover_id
    db.session.flush()
    refresh_pages(course)
    return before


def discard(course_id: uuid.UUID, cover_id: uuid.UUID | None) -> None:
    """Remove the variants of a cover that no course shows; for after the commit."""
    if cover_id is not None:
        integrations.storage.delete_prefix(folder_of(course_id, cover_id))


def discard_source(source_key: str) -> None:
    """Remove the picture that a cover was drawn from; for after the commit."""
    integrations.storage.delete_prefix(str(PurePosixPath(source_key).parent))


_STATUS = Prepared(
    select(Course.status).where(
        Course.id == bindparam("course_id", type_=Course.id.type),
        Course.cover_id == bindparam("cover_id", type_=Course.id.type),
        is_visible(USER_ID, IS_ADMIN),
    )
)


def is_open(
    course_id: uuid.UUID, cover_id: uuid.UUID, user_id: uuid.UUID | None, role: Role | None
) -> bool:
    """Whether everybody may see the cover. Raises NotFound where this person may not."""
    values = {
        "course_id": course_id,
        "cover_id": cover_id,
        "user_id": user_id,
        "is_admin": role is Role.ADMIN,
    }
    row = _STATUS.first(values)
    if row is None:
        raise NotFound
    return row.status in OPEN_STATUSES
