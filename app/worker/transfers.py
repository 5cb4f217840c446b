"""The transfer jobs: carry a course into an archive or an archive into a course, and sweep."""

import logging
import shutil
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path, PurePosixPath
from uuid import UUID

from app.current import integrations, settings
from app.database import db
from app.domain.courses import (
    archive_import,
    archive_reading,
    archive_writing,
    cover_images,
    transfers,
)
from app.domain.courses.archive_import import Arrived
from app.domain.courses.archive_reading import Archive
from app.domain.courses.charge import course_in_charge
from app.domain.courses.transfers import MAX_ATTEMPTS, TooManyAttempts, Work
from app.domain.videos import scratch, upload_room
from app.errors import DomainError, StorageFull, StorageUnavailable
from app.worker.locks import held
from app.worker.retries import Interrupted, RunAgain

log = logging.getLogger("worker.transfers")

FILE = "course.zip"
SPARE_BYTES = 256 * 1024**2
LARGEST_BYTES = 1024**4
_REPORT_SECONDS = 1.0
_ATTEMPT_WAIT = timedelta(seconds=30)
_PASSING = (StorageUnavailable,)

ShouldStop = Callable[[], bool]


class _Gone(Exception):
    """Nobody waits for the transfer any more."""


def export_course(transfer_id: UUID, should_stop: ShouldStop) -> None:
    """Pack a course, or say in the transfer's row why not.

    Raises Interrupted when `should_stop` turns true, RunAgain when another attempt is due.
    """
    _carry(transfer_id, should_stop, _export)


def import_course(transfer_id: UUID, should_stop: ShouldStop) -> None:
    """Make a course of an archive, or say in the transfer's row why not. Raises as exporting."""
    _carry(transfer_id, should_stop, _import)


def sweep() -> int:
    """Remove archives that have had their time and those without a row; return how many went."""
    outdated = transfers.list_outdated()
    db.session.rollback()  # no transaction stays open across a vendor's call
    for transfer_id in outdated:
        integrations.storage.delete_prefix(transfers.folder_of(transfer_id))
        transfers.forget(transfer_id)
        db.session.commit()
    keys = integrations.storage.list_keys(transfers.FOLDER)
    held_ids = {owner_id for key in keys if (owner_id := _transfer_of(key))}
    orphans = held_ids - transfers.find_known(held_ids)
    db.session.rollback()
    for transfer_id in orphans:
        integrations.storage.delete_prefix(transfers.folder_of(transfer_id))
    return len(outdated) + len(orphans)


def _transfer_of(key: str) -> UUID | None:
    """Return whose archive lies at `key`; None for what no transfer of ours put there."""
    try:
        return UUID(key.split("/")[1])
    except ValueError:
        return None


class _Progress:
    """Commits how far a transfer is, once a second; hears whether to stop with each chunk."""

    def __init__(self, work: Work, should_stop: ShouldStop) -> None:
        self._transfer_id, self._should_stop = work.transfer_id, should_stop
        self._stage, self._total, self._done, self._told_at = "", 1, 0, 0.0

    def begin(self, stage: str, total_bytes: int) -> None:
        """Begin a stage that lasts `total_bytes`."""
        self._stage, self._total, self._done, self._told_at = stage, max(1, total_bytes), 0, 0.0
        self(0)

    def __call__(self, chunk_bytes: int) -> None:
        """Note that `chunk_bytes` more are done. Raises Interrupted."""
        if self._should_stop():
            raise Interrupted
        self._done += chunk_bytes
        if time.monotonic() - self._told_at < _REPORT_SECONDS:
            return
        percent = min(99, 100 * self._done // self._total)
        if not transfers.report(self._transfer_id, self._stage, percent):
            db.session.rollback()
            raise _Gone
        _commit()
        self._told_at = time.monotonic()


def _carry(
    transfer_id: UUID, should_stop: ShouldStop, do: Callable[[Work, _Progress, Path], None]
) -> None:
    with held(transfer_id):
        work = _start(transfer_id)
        if work is None:
            return
        try:
            root = settings.data_dir / cover_images.WORK_FOLDER
            with scratch.folder(root, f"transfer-{transfer_id}") as folder:
                do(work, _Progress(work, should_stop), folder)
        except Interrupted:
            db.session.rollback()
            transfers.release(transfer_id)
            _commit()
            raise
        except _Gone:
            log.info("nobody waits for transfer %s", transfer_id)
        except DomainError as error:
            _fail_or_postpone(work, error)
        except Exception as error:
            log.exception("transfer failed (transfer %s)", transfer_id)
            _fail_or_postpone(work, error)


def _start(transfer_id: UUID) -> Work | None:
    try:
        work = transfers.start(transfer_id)
    except TooManyAttempts:
        detail = f"The worker was lost in each of {MAX_ATTEMPTS} attempts. Try it again."
        transfers.fail(transfer_id, "WORKER_LOST", detail)
        _commit()
        return None
    db.session.commit()
    return work


def _export(work: Work, progress: _Progress, folder: Path) -> None:
    if work.course_id is None:
        raise _Gone
    course_in_charge(work.maker, work.course_id)
    planned = archive_writing.plan(work.course_id)
    _commit()
    if shutil.disk_usage(folder).free < planned.total_bytes + SPARE_BYTES:
        raise StorageFull("The disk has no room to pack the course. Free some and try again.")
    target = folder / FILE
    progress.begin("packing", planned.total_bytes)
    try:
        archive_writing.write(planned, target, progress)
    except OSError as error:
        raise StorageFull("The disk filled up while the course was packed.") from error
    size = target.stat().st_size
    progress.begin("storing", size)
    key = f"{transfers.folder_of(work.transfer_id)}/{FILE}"
    integrations.storage.put_file(key, target, "application/zip")
    if not transfers.finish_export(work.transfer_id, key, size):
        db.session.rollback()
        integrations.storage.delete_prefix(transfers.folder_of(work.transfer_id))
        return
    _commit()
    log.info("packed %d bytes (transfer %s)", size, work.transfer_id)


def _import(work: Work, progress: _Progress, folder: Path) -> None:
    key = work.storage_key
    if key is None:
        raise _Gone
    maker_id, transfer_id = work.maker.id, work.transfer_id
    room = upload_room.measure().free_bytes
    _commit()
    progress.begin("reading", 1)
    path = integrations.storage.local_path(key)
    if path is None:
        path = folder / FILE
        integrations.storage.fetch_to(key, path)
    arrived = Arrived(transfer_id)
    try:
        with archive_reading.opened(path, LARGEST_BYTES if room is None else room) as archive:
            progress.begin("unpacking", archive.total_bytes)
            unpacked = folder / "unpacked"
            unpacked.mkdir()
            archive_import.unpack(archive, arrived, unpacked, progress)
            _add_course(maker_id, archive, arrived)
    except BaseException as error:
        db.session.rollback()
        # A commit whose answer was lost may have happened: then the files are in use.
        if transfers.is_under_way(transfer_id):
            archive_import.discard(arrived)
        db.session.rollback()
        if isinstance(error, OSError):
            raise StorageFull("The disk filled up while the archive was unpacked.") from error
        raise
    integrations.storage.delete_prefix(str(PurePosixPath(key).parent))
    log.info("made a course of an archive (transfer %s)", transfer_id)


def _add_course(maker_id: UUID, archive: Archive, arrived: Arrived) -> None:
    maker = transfers.maker_of(maker_id)
    course = archive_import.add_course(maker, archive.manifest, arrived)
    if not transfers.finish_import(arrived.transfer_id, course.id, course.title):
        raise _Gone
    _commit()


def _fail_or_postpone(work: Work, error: Exception) -> None:
    """Fail for good what would fail again, and the rest after the last attempt."""
    db.session.rollback()
    is_expected = isinstance(error, DomainError)
    if work.attempt < MAX_ATTEMPTS and (not is_expected or isinstance(error, _PASSING)):
        raise RunAgain(type(error).__name__, _ATTEMPT_WAIT * work.attempt) from error
    if isinstance(error, DomainError):
        transfers.fail(work.transfer_id, error.code, error.detail)
    else:
        transfers.fail(work.transfer_id, "INTERNAL_ERROR", type(error).__name__)
    _commit()
    if work.storage_key is not None and work.course_id is None:
        integrations.storage.delete_prefix(str(PurePosixPath(work.storage_key).parent))


def _commit() -> None:
    """Commit and give the connection back: minutes may pass until the next query."""
    db.session.commit()
    db.session.remove()
