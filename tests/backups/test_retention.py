"""What is kept, what goes, and what a hole in the changes is called."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.backups import catalog, pruning, wal
from app.backups.catalog import Base
from app.backups.sealing import Part
from app.backups.trouble import BackupError
from app.integrations.backup_store import FolderStore

pytestmark = pytest.mark.no_database
NOW = datetime(2026, 3, 1, tzinfo=UTC)
SEGMENT_BYTES = 16 * 1024**2


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path)


def _base(store: FolderStore, days_ago: int, segment: int) -> Base:
    """Keep a backup that was taken `days_ago` and begins in a segment."""
    moment = NOW - timedelta(days=days_ago)
    base_id = catalog.new_id(moment)
    key = f"base/{base_id}/base.tar.gz.age"
    with store.writing(key) as target:
        target.write(b"x")
    lsn = f"0/{segment * SEGMENT_BYTES + 40:X}"
    first = wal.segment_of(lsn, 1, SEGMENT_BYTES)
    parts = (Part(key, 1, "0" * 64),)
    base = Base(base_id, moment, moment, "7", 1, lsn, lsn, first, SEGMENT_BYTES, "18.6", "", parts)
    catalog.write(store, base)
    return base


def _archive(store: FolderStore, *segments: int) -> None:
    for number in segments:
        name = wal.segment_of(f"0/{number * SEGMENT_BYTES:X}", 1, SEGMENT_BYTES)
        with store.writing(f"wal/{name[:16]}/{name}-{'0' * 16}.age") as target:
            target.write(b"x")


def test_every_moment_within_the_days_kept_can_be_gone_back_to(store: FolderStore) -> None:
    """So the last backup from before them stays, and the changes from its beginning on."""
    bases = [_base(store, days, 20 - days) for days in (12, 9, 6, 3)]
    _archive(store, *range(5, 20))
    gone = pruning.prune(store, 7, NOW)
    assert (gone.bases, gone.segments) == (1, 6)
    assert catalog.list_bases(store) == bases[1:]
    assert [segment.number(SEGMENT_BYTES) for segment in wal.list_segments(store)] == [
        *range(11, 20)
    ]
    assert pruning.prune(store, 7, NOW) == pruning.Pruned(0, 0, 0, 0, 0)


def test_the_newest_backup_stays_however_old_it_is(store: FolderStore) -> None:
    _base(store, 400, 1)
    newest = _base(store, 300, 2)
    assert pruning.prune(store, 7, NOW).bases == 1
    assert catalog.list_bases(store) == [newest]


def test_what_was_never_finished_goes_after_a_day(store: FolderStore) -> None:
    kept = _base(store, 1, 1)
    for hours in (2, 40):
        folder = f"base/{catalog.new_id(NOW - timedelta(hours=hours))}"
        with store.writing(f"{folder}/base.tar.gz.age") as target:
            target.write(b"half")
    assert catalog.list_bases(store) == [kept]
    assert pruning.prune(store, 7, NOW).unfinished == 1
    assert len(list(catalog.unfinished(store))) == 1


def test_without_a_backup_no_change_is_removed(store: FolderStore) -> None:
    _archive(store, 1, 2)
    assert pruning.prune(store, 1, NOW).segments == 0


def test_a_manifest_that_is_damaged_or_foreign_is_named(store: FolderStore) -> None:
    base = _base(store, 1, 1)
    key = f"base/{base.id}/manifest.json"
    for content in (b'{"format": 1, "id', b'{"format": 99}'):
        with store.writing(key) as target:
            target.write(content)
        with pytest.raises(BackupError, match=base.id):
            catalog.list_bases(store)


@pytest.mark.parametrize(
    ("archived", "gap"),
    [
        ((1, 2, 3), None),
        ((), None),
        ((1, 3), "000000010000000000000002"),
        ((2, 3), "000000010000000000000001"),
        ((254, 255, 256, 257, *range(1, 254)), None),
        ((*range(1, 256), 257), "000000010000000100000000"),
    ],
    ids=["whole", "nothing", "a hole", "the first", "across logs", "at a log's edge"],
)
def test_a_hole_in_the_changes_is_found(
    store: FolderStore, archived: tuple[int, ...], gap: str | None
) -> None:
    for number in archived:
        high, low = divmod(number, 256)
        name = f"00000001{high:08X}{low:08X}"
        with store.writing(f"wal/{name[:16]}/{name}-{'0' * 16}.age") as target:
            target.write(b"x")
    first = wal.segment_of("0/1000028", 1, SEGMENT_BYTES)
    assert wal.find_gap(store, first, SEGMENT_BYTES) == gap
