"""What is too old goes: backups first, then whatever no kept backup needs any more."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.backups import catalog, wal
from app.backups.catalog import Base, MediaList
from app.integrations.backup_store import BackupStore

# What is younger may belong to a backup that is being taken by another machine.
LEFT_ALONE = timedelta(days=1)
# Lists in between are for points in time, and those are asked for while they are recent.
EVERY_LIST = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Pruned:
    """How much went."""

    bases: int
    lists: int
    media: int
    segments: int
    unfinished: int


def prune(store: BackupStore, keep_days: int, now: datetime) -> Pruned:
    """Remove what is older than `keep_days`; the newest backup stays however old it is.

    Killed between any two steps it leaves too much, never too little: a manifest goes before what
    it names, and the rest is found by the next run.
    """
    bases = catalog.list_bases(store)
    kept = kept_bases(bases, now - timedelta(days=keep_days))
    gone = [base for base in bases if base not in kept]
    for base in gone:
        _remove(store, f"{catalog.BASES}/{base.id}")
    lists = catalog.list_media(store)
    kept_lists = _kept_lists(lists, kept, now)
    gone_lists = [one for one in lists if one not in kept_lists]
    for one in gone_lists:
        _remove(store, f"{catalog.LISTS}/{one.id}")
    unfinished = [
        folder
        for folder in catalog.unfinished(store)
        if catalog.started_at(folder) < now - LEFT_ALONE
    ]
    for folder in unfinished:
        _remove(store, folder)
    return Pruned(
        bases=len(gone),
        lists=len(gone_lists),
        media=_prune_media(store, now),
        segments=_prune_changes(store, kept),
        unfinished=len(unfinished) + store.forget_unfinished(now - LEFT_ALONE),
    )


def kept_bases(bases: Sequence[Base], since: datetime) -> list[Base]:
    """Return the backups that are kept: the newest, those since `since` and the one before these.

    By the one before, every moment since `since` can be gone back to.
    """
    young = [base for base in bases if base.finished_at >= since]
    old = [base for base in bases if base.finished_at < since]
    return [*old[-1:], *young]


def _kept_lists(
    lists: Sequence[MediaList], bases: Sequence[Base], now: datetime
) -> list[MediaList]:
    """Return the recent lists, and of older ones those right before and after each backup."""
    kept = {one.id for one in lists if one.seen_at >= now - EVERY_LIST} | {
        one.id for one in lists[-1:]
    }
    for base in bases:
        before = [one for one in lists if one.started_at <= base.started_at][-1:]
        after = [one for one in lists if one.seen_at >= base.finished_at][:1]
        kept |= {one.id for one in (*before, *after)}
    return [one for one in lists if one.id in kept]


def _remove(store: BackupStore, folder: str) -> None:
    store.delete(f"{folder}/manifest.json")
    for stored in list(store.list_objects(folder)):
        store.delete(stored.key)


def _prune_media(store: BackupStore, now: datetime) -> int:
    """Remove the media that no list names any more, a sixteenth of them in memory at a time."""
    lists = [*catalog.list_media(store)]
    if not lists:
        return 0
    removed = 0
    for shard in catalog.SHARDS:
        needed = {name for one in lists for name in catalog.read_objects(store, one, shard)}
        folders = [name for name in store.list_folders(catalog.MEDIA) if name[0] == shard]
        for folder in folders:
            for stored in list(store.list_objects(f"{catalog.MEDIA}/{folder}")):
                name = stored.key.rpartition("/")[2].removesuffix(".age")
                if name not in needed and stored.changed_at < now - LEFT_ALONE:
                    store.delete(stored.key)
                    removed += 1
    return removed


def _prune_changes(store: BackupStore, kept: Sequence[Base]) -> int:
    """Remove the changes from before the oldest kept backup; without one they all stay."""
    if not kept:
        return 0
    first = min(wal.number_of(base.first_segment, base.segment_bytes) for base in kept)
    removed = 0
    for segment in list(wal.list_segments(store)):
        if segment.number(kept[0].segment_bytes) < first:
            store.delete(segment.stored.key)
            removed += 1
    return removed
