"""Periodic jobs: what was replaced is swept, and the trail's head leaves the house in the log."""

import logging
from pathlib import PurePosixPath
from uuid import UUID

from app.current import integrations, settings
from app.database import db
from app.domain.audit import verification
from app.domain.videos import control, generations, scratch, transcoding
from app.worker.locks import held

log = logging.getLogger("worker.upkeep")


def sweep_media() -> int:
    """Remove generations replaced a day ago and scratch folders of dead workers.

    Return how many generations went. Files go before their rows, so that a crash between the
    two leaves rows by which the next sweep finds the rest.
    """
    outdated = generations.list_outdated()
    db.session.rollback()  # no transaction stays open across a vendor's call
    for video_id, generation in outdated:
        integrations.storage.delete_prefix(generations.storage_prefix(video_id, generation))
        generations.forget(video_id, generation)
        db.session.commit()
    scratch.sweep(settings.data_dir / transcoding.WORK_FOLDER)
    return len(outdated)


def discard_media(video_id: UUID, source_key: str) -> None:
    """Remove the files of a video that was deleted; one that is there is left alone.

    Raises RunAgain while a worker is at it.
    """
    with held(video_id):
        is_gone = control.is_gone(video_id)
        db.session.rollback()
        if is_gone:
            integrations.storage.delete_prefix(f"media/{video_id}")
            integrations.storage.delete_prefix(str(PurePosixPath(source_key).parent))


def say_audit_head() -> str:
    """Write the audit trail's head to the log, which is kept elsewhere than the database.

    `flask audit verify --expect` with it shows what was cut off or written anew since.
    """
    head = str(verification.read_head())
    db.session.rollback()
    log.info("audit head %s", head)
    return head
