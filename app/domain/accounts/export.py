"""Exports of one's own data: asked for, made in the background, fetched by a mailed link, swept."""

import secrets
import uuid
from datetime import timedelta

from sqlalchemy import delete, or_, select, update

from app.clock import utcnow
from app.database import db
from app.domain.accounts.models import DataExport, ExportStatus, User
from app.domain.accounts.sessions import MAX_TOKEN_LENGTH, TOKEN_BYTES, hash_token
from app.domain.outbox import jobs
from app.errors import LinkInvalid, TooManyRequests

EXPORT_TASK = "accounts.export"
FOLDER = "exports"
KEPT_FOR = timedelta(days=7)
A_DAY = 3
DAY = timedelta(days=1)
# A job that has not ended by then never will: its attempts take minutes.
MAY_TAKE = timedelta(hours=1)
SHOWN = 10
SWEEP_ROWS = 100


def request(user_id: uuid.UUID) -> tuple[DataExport, bool]:
    """Queue an export; return it, or the one being made, and whether it is new.

    Raises TooManyRequests after three in a day. Two requests at once are put in a row by the lock
    on the person's row.
    """
    db.session.execute(select(User.id).where(User.id == user_id).with_for_update(key_share=True))
    now = utcnow()
    recent = db.session.scalars(
        select(DataExport)
        .where(
            DataExport.user_id == user_id,
            DataExport.requested_at > now - DAY,
            DataExport.status != ExportStatus.FAILED,
        )
        .order_by(DataExport.requested_at)
    ).all()
    for export in recent:
        if is_running(export):
            return export, False
    if len(recent) >= A_DAY:
        wait = recent[-A_DAY].requested_at + DAY - now
        raise TooManyRequests(
            max(1, int(wait.total_seconds())),
            "You have asked for your data three times within a day. Try again tomorrow.",
        )
    export = DataExport(id=uuid.uuid4(), user_id=user_id, requested_at=now)
    db.session.add(export)
    db.session.flush()
    jobs.enqueue(EXPORT_TASK, export_id=str(export.id))
    return export, True


def is_running(export: DataExport) -> bool:
    """Whether an export is still being made, or waits for it."""
    return export.status is ExportStatus.QUEUED and export.requested_at > utcnow() - MAY_TAKE


def list_exports(user_id: uuid.UUID) -> list[DataExport]:
    """Return a person's latest exports, the newest first; those past their time are left out."""
    now = utcnow()
    found = db.session.scalars(
        select(DataExport)
        .where(
            DataExport.user_id == user_id,
            or_(DataExport.expires_at.is_(None), DataExport.expires_at > now),
        )
        .order_by(DataExport.requested_at.desc(), DataExport.id)
        .limit(SHOWN)
    )
    return list(found)


def find_queued(export_id: uuid.UUID) -> DataExport | None:
    """Return an export that waits to be made; None when it is made, given up or gone."""
    export = db.session.get(DataExport, export_id, populate_existing=True)
    return export if export is not None and export.status is ExportStatus.QUEUED else None


def folder_of(export: DataExport) -> str:
    """Return the storage prefix of an export."""
    return f"{FOLDER}/{export.user_id}/{export.id}"


def finish(export_id: uuid.UUID, storage_key: str, size_bytes: int) -> str | None:
    """Make an export ready and return its link's token; None when nobody waits for it any more."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    now = utcnow()
    finished = db.session.scalar(
        update(DataExport)
        .where(DataExport.id == export_id, DataExport.status == ExportStatus.QUEUED)
        .values(
            status=ExportStatus.READY,
            token_hash=hash_token(token),
            storage_key=storage_key,
            size_bytes=size_bytes,
            ready_at=now,
            expires_at=now + KEPT_FOR,
        )
        .returning(DataExport.id)
        .execution_options(synchronize_session=False)
    )
    return token if finished else None


def fail(export_id: uuid.UUID) -> None:
    """Give an export up."""
    db.session.execute(
        update(DataExport)
        .where(DataExport.id == export_id, DataExport.status == ExportStatus.QUEUED)
        .values(status=ExportStatus.FAILED)
        .execution_options(synchronize_session=False)
    )


def get_by_token(user_id: uuid.UUID, token: str) -> DataExport:
    """Return the person's own export that a mailed link names.

    Raises LinkInvalid for an unknown link, somebody else's and one past its time.
    """
    if not token or len(token) > MAX_TOKEN_LENGTH:
        raise LinkInvalid
    export = db.session.scalar(
        select(DataExport).where(
            DataExport.token_hash == hash_token(token),
            DataExport.user_id == user_id,
            DataExport.status == ExportStatus.READY,
            DataExport.expires_at > utcnow(),
        )
    )
    if export is None:
        raise LinkInvalid
    return export


def list_outdated() -> list[DataExport]:
    """Return some exports past their time, and failed or lost ones as old as those."""
    now = utcnow()
    found = db.session.scalars(
        select(DataExport)
        .where(
            or_(
                DataExport.expires_at <= now,
                DataExport.expires_at.is_(None) & (DataExport.requested_at <= now - KEPT_FOR),
            )
        )
        .limit(SWEEP_ROWS)
    )
    return list(found)


def forget(export_id: uuid.UUID) -> None:
    """Forget an export whose file is gone."""
    db.session.execute(
        delete(DataExport)
        .where(DataExport.id == export_id)
        .execution_options(synchronize_session=False)
    )


def find_known(export_ids: set[uuid.UUID]) -> set[uuid.UUID]:
    """Return which of these exports there are."""
    return set(db.session.scalars(select(DataExport.id).where(DataExport.id.in_(export_ids))))
