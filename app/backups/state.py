"""How old the newest backup is: for `flask backup list` and whoever watches over the house."""

from dataclasses import dataclass
from datetime import datetime

from app.backups import catalog, wal
from app.config import Settings
from app.integrations.backup_store import open_store


@dataclass(frozen=True, slots=True)
class State:
    """When the newest backup, list of media and archived changes were finished; None for none."""

    base_at: datetime | None
    media_at: datetime | None
    changes_at: datetime | None


def read_state(settings: Settings) -> State | None:
    """Return how fresh the backups at BACKUP_URL are; None when none is set.

    Raises ConfigurationError, StorageUnavailable, BackupError.
    """
    if not settings.backup_url:
        return None
    store = open_store(settings.backup_url, settings)
    bases, lists = catalog.list_bases(store), catalog.list_media(store)
    newest = wal.last_segment(store)
    return State(
        base_at=bases[-1].finished_at if bases else None,
        media_at=lists[-1].seen_at if lists else None,
        changes_at=newest.stored.changed_at if newest else None,
    )
