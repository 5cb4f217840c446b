"""Periodic jobs: what dead workers left is taken over, what was replaced is swept."""

from app.current import integrations, settings
from app.database import db
from app.domain.videos import generations, scratch, transcoding


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
