"""Courses on their way out into an archive or in from one: asked for, carried, fetched, swept.

The carrying is the worker's; what an archive looks like is `archive_format`'s.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, or_, select, tuple_, update

from app.clock import utcnow
from app.database import db
from app.domain.accounts.models import Role, User
from app.domain.courses.charge import Maker, course_in_charge, require_maker
from app.domain.courses.file_models import CourseTransfer, TransferKind, TransferStatus
from app.domain.outbox import jobs
from app.errors import InUse, NotFound

EXPORT_TASK = "courses.export"
IMPORT_TASK = "courses.import"
FOLDER = "transfers"
KEPT_FOR = timedelta(days=7)
FORGOTTEN_AFTER = timedelta(days=90)
MAX_UNDER_WAY = 3
MAX_ATTEMPTS = 3
SWEEP_ROWS = 100
UNDER_WAY = (TransferStatus.QUEUED, TransferStatus.RUNNING)


@dataclass(frozen=True, slots=True)
class TransferRow:
    """A transfer as lists show it."""

    id: uuid.UUID
    kind: TransferKind
    status: TransferStatus
    title: str
    course_id: uuid.UUID | None
    stage: str | None
    progress_percent: int
    size_bytes: int | None
    error_code: str | None
    error_detail: str | None
    created_at: datetime
    finished_at: datetime | None
    expires_at: datetime | None

    @property
    def is_under_way(self) -> bool:
        """Whether the worker has it, or will."""
        return self.status in UNDER_WAY

    @property
    def has_archive(self) -> bool:
        """Whether there is a file to fetch."""
        is_export = self.kind is TransferKind.EXPORT and self.status is TransferStatus.READY
        return is_export and self.expires_at is not None and self.expires_at > utcnow()


@dataclass(frozen=True, slots=True)
class Work:
    """What the worker is to carry, and for whom."""

    transfer_id: uuid.UUID
    kind: TransferKind
    course_id: uuid.UUID | None
    storage_key: str | None
    maker: User
    attempt: int


class TooManyAttempts(Exception):
    """Each worker that began this was lost."""


def folder_of(transfer_id: uuid.UUID) -> str:
    """Return the storage folder of an export's archive."""
    return f"{FOLDER}/{transfer_id}"


def begin_export(maker: Maker, course_id: uuid.UUID) -> tuple[CourseTransfer, bool]:
    """Have a course packed; return the transfer, or the one under way, and whether it is new.

    Raises NotFound, Forbidden, and InUse while too many of one's transfers are under way.
    """
    course = course_in_charge(maker, course_id, lock=True)
    running = db.session.scalar(
        select(CourseTransfer).where(
            CourseTransfer.course_id == course_id,
            CourseTransfer.created_by_id == maker.id,
            CourseTransfer.kind == TransferKind.EXPORT,
            CourseTransfer.status.in_(UNDER_WAY),
        )
    )
    if running is not None:
        return running, False
    return _begin(maker, TransferKind.EXPORT, course.title, course_id=course_id), True


def begin_import(maker: Maker, title: str, storage_key: str, size_bytes: int) -> CourseTransfer:
    """Have a stored archive made into a draft of `maker`'s. Raises Forbidden, InUse."""
    require_maker(maker)
    return _begin(maker, TransferKind.IMPORT, title, storage_key=storage_key, size_bytes=size_bytes)


def list_transfers(
    maker: Maker, after: tuple[datetime, uuid.UUID] | None, limit: int
) -> list[TransferRow]:
    """List one's own transfers, an administrator everybody's, newest first."""
    statement = select(CourseTransfer)
    if maker.role is not Role.ADMIN:
        statement = statement.where(CourseTransfer.created_by_id == maker.id)
    if after is not None:
        place = tuple_(CourseTransfer.created_at, CourseTransfer.id)
        statement = statement.where(place < tuple_(*after))
    order = (CourseTransfer.created_at.desc(), CourseTransfer.id.desc())
    return [row_of(row) for row in db.session.scalars(statement.order_by(*order).limit(limit))]


def get_transfer(maker: Maker, transfer_id: uuid.UUID) -> TransferRow:
    """Return a transfer of one's own, an administrator any. Raises NotFound."""
    return row_of(_own(maker, transfer_id))


def get_archive(maker: Maker, transfer_id: uuid.UUID) -> tuple[CourseTransfer, str]:
    """Return an export that can be fetched and where its archive lies.

    Whoever is in charge of the course no more does not get it. Raises NotFound, Forbidden.
    """
    transfer = _own(maker, transfer_id)
    if transfer.course_id is None or not row_of(transfer).has_archive:
        raise NotFound("The archive is not ready, or is gone. Export the course again.")
    course_in_charge(maker, transfer.course_id)
    if transfer.storage_key is None:
        raise NotFound("The archive is gone. Export the course again.")
    return transfer, transfer.storage_key


def find_by_archive(maker: Maker, storage_key: str) -> CourseTransfer:
    """Return one's import of a stored archive. Raises NotFound."""
    transfer = db.session.scalar(
        select(CourseTransfer)
        .where(CourseTransfer.storage_key == storage_key, CourseTransfer.created_by_id == maker.id)
        .limit(1)
    )
    if transfer is None:
        raise NotFound
    return transfer


def row_of(transfer: CourseTransfer) -> TransferRow:
    """Return a transfer as lists show it."""
    return TransferRow(**{name: getattr(transfer, name) for name in TransferRow.__slots__})


def start(transfer_id: uuid.UUID) -> Work | None:
    """Begin an attempt; None when there is nothing to carry any more. Raises TooManyAttempts."""
    transfer = db.session.get(CourseTransfer, transfer_id, populate_existing=True)
    if transfer is None or transfer.status not in UNDER_WAY:
        return None
    if transfer.attempts >= MAX_ATTEMPTS:
        raise TooManyAttempts
    transfer.status = TransferStatus.RUNNING
    transfer.attempts += 1
    transfer.progress_percent, transfer.stage = 0, None
    db.session.flush()
    maker = db.session.get_one(User, transfer.created_by_id)
    return Work(
        transfer.id, transfer.kind, transfer.course_id, transfer.storage_key, maker,
        transfer.attempts,
    )  # fmt: skip


def maker_of(user_id: uuid.UUID) -> User:
    """Return for whom an archive becomes a course. Raises NotFound when they are gone."""
    user = db.session.get(User, user_id, populate_existing=True)
    if user is None:
        raise NotFound("Whoever asked for this is gone.")
    return user


def release(transfer_id: uuid.UUID) -> None:
    """Give an attempt back that an orderly shutdown interrupted."""
    _change(transfer_id, status=TransferStatus.QUEUED, attempts=CourseTransfer.attempts - 1)


def report(transfer_id: uuid.UUID, stage: str, percent: int) -> bool:
    """Note how far it is; False when nobody waits for it any more."""
    return _change(transfer_id, stage=stage, progress_percent=percent)


def is_under_way(transfer_id: uuid.UUID) -> bool:
    """Whether a transfer has not ended."""
    statement = select(CourseTransfer.id).where(
        CourseTransfer.id == transfer_id, CourseTransfer.status.in_(UNDER_WAY)
    )
    return db.session.scalar(statement) is not None


def finish_export(transfer_id: uuid.UUID, storage_key: str, size_bytes: int) -> bool:
    """Make an export ready to be fetched; False when nobody waits for it any more."""
    return _change(
        transfer_id,
        status=TransferStatus.READY,
        storage_key=storage_key,
        size_bytes=size_bytes,
        expires_at=utcnow() + KEPT_FOR,
        **_ENDED,
    )


def finish_import(transfer_id: uuid.UUID, course_id: uuid.UUID, title: str) -> bool:
    """Note which course came of an archive; False when nobody waits for it any more."""
    return _change(
        transfer_id, status=TransferStatus.READY, course_id=course_id, title=title, **_ENDED
    )


def fail(transfer_id: uuid.UUID, code: str, detail: str) -> None:
    """Give a transfer up and say why."""
    _change(
        transfer_id,
        status=TransferStatus.FAILED,
        error_code=code,
        error_detail=detail[:1000],
        stage=None,
        finished_at=utcnow(),
    )


def list_outdated() -> list[uuid.UUID]:
    """Return some transfers whose archive has had its time, or which are long over."""
    now = utcnow()
    found = db.session.scalars(
        select(CourseTransfer.id)
        .where(
            or_(
                (CourseTransfer.expires_at <= now) & CourseTransfer.storage_key.is_not(None),
                (CourseTransfer.finished_at <= now - FORGOTTEN_AFTER),
            )
        )
        .limit(SWEEP_ROWS)
    )
    return list(found)


def forget(transfer_id: uuid.UUID) -> None:
    """Forget where an archive was that is gone; and a transfer that is long over."""
    db.session.execute(
        delete(CourseTransfer)
        .where(
            CourseTransfer.id == transfer_id,
            CourseTransfer.finished_at <= utcnow() - FORGOTTEN_AFTER,
        )
        .execution_options(synchronize_session=False)
    )
    db.session.execute(
        update(CourseTransfer)
        .where(CourseTransfer.id == transfer_id)
        .values(storage_key=None)
        .execution_options(synchronize_session=False)
    )


def find_known(transfer_ids: set[uuid.UUID]) -> set[uuid.UUID]:
    """Return which of these transfers have a row."""
    return set(
        db.session.scalars(select(CourseTransfer.id).where(CourseTransfer.id.in_(transfer_ids)))
    )


_ENDED = {"stage": None, "progress_percent": 100, "error_code": None, "error_detail": None}


def _begin(
    maker: Maker,
    kind: TransferKind,
    title: str,
    *,
    course_id: uuid.UUID | None = None,
    storage_key: str | None = None,
    size_bytes: int | None = None,
) -> CourseTransfer:
    # The person's row is locked, so that two requests at once are counted one after the other.
    db.session.execute(select(User.id).where(User.id == maker.id).with_for_update(key_share=True))
    waiting = db.session.scalars(
        select(CourseTransfer.id)
        .where(CourseTransfer.created_by_id == maker.id, CourseTransfer.status.in_(UNDER_WAY))
        .limit(MAX_UNDER_WAY)
    ).all()
    if len(waiting) >= MAX_UNDER_WAY:
        raise InUse(f"{MAX_UNDER_WAY} of your transfers are under way. Wait until one has ended.")
    transfer = CourseTransfer(
        id=uuid.uuid4(),
        kind=kind,
        course_id=course_id,
        created_by_id=maker.id,
        title=title,
        storage_key=storage_key,
        size_bytes=size_bytes,
    )
    db.session.add(transfer)
    db.session.flush()
    task = EXPORT_TASK if kind is TransferKind.EXPORT else IMPORT_TASK
    jobs.enqueue(task, transfer_id=str(transfer.id))
    return transfer


def _own(maker: Maker, transfer_id: uuid.UUID) -> CourseTransfer:
    statement = select(CourseTransfer).where(CourseTransfer.id == transfer_id)
    if maker.role is not Role.ADMIN:
        statement = statement.where(CourseTransfer.created_by_id == maker.id)
    transfer = db.session.scalars(statement.execution_options(populate_existing=True)).first()
    if transfer is None:
        raise NotFound
    return transfer


def _change(transfer_id: uuid.UUID, **values: object) -> bool:
    """Change a transfer that is under way; False when it is not."""
    if values.get("status") is TransferStatus.READY:
        values["finished_at"] = utcnow()
    changed = db.session.scalar(
        update(CourseTransfer)
        .where(CourseTransfer.id == transfer_id, CourseTransfer.status.in_(UNDER_WAY))
        .values(**values)
        .returning(CourseTransfer.id)
        .execution_options(synchronize_session=False)
    )
    return changed is not None
