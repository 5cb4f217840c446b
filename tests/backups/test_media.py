"""Media in a store: each content once, lists of what there was, and the way back."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app import sealed
from app.backups import catalog, media, pruning, sealing
from app.backups.catalog import MediaList
from app.backups.media import Recall, Sync, lists_of
from app.backups.sealing import Part
from app.backups.trouble import BackupError
from app.clock import shifted, utcnow
from app.integrations.backup_store import FolderStore
from app.integrations.local_storage import LocalStorage

pytestmark = pytest.mark.no_database
KIND = "application/octet-stream"


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    storage = LocalStorage(tmp_path / "media")
    for key, data in (("media/a/1/0.m4s", b"one"), ("media/b/x", b"two"), ("sources/c", b"one")):
        storage.put_bytes(key, data, KIND)
    return storage


@pytest.fixture
def identity(tmp_path: Path) -> Path:
    path = tmp_path / "identity.txt"
    path.write_text(sealed.make_identity()[0], encoding="utf-8")
    return path


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    (tmp_path / "store").mkdir()
    return FolderStore(tmp_path / "store")


@pytest.fixture
def sync(storage: LocalStorage, store: FolderStore, identity: Path, tmp_path: Path) -> Sync:
    recipients = [one.to_public() for one in sealed.read_identities(identity)]
    return Sync(storage, store, recipients, tmp_path / "cache")


def _media_in(store: FolderStore) -> set[str]:
    return {stored.key for stored in store.list_objects("media")}


def _recalled(store: FolderStore, identity: Path, target: Path, *lists: MediaList) -> set[str]:
    target.mkdir()
    Recall(store, sealed.read_identities(identity)).run(lists, target, target.parent)
    files = {str(p.relative_to(target)) for p in target.rglob("*") if p.is_file()}
    return {name for name in files if not name.endswith(".tsv")}


def test_equal_contents_are_sent_once_and_come_back_at_every_place(
    sync: Sync, store: FolderStore, identity: Path, tmp_path: Path
) -> None:
    made = sync.run()
    assert (made.objects, made.size) == (3, 9)
    assert len(_media_in(store)) == 2
    found = _recalled(store, identity, tmp_path / "back", made)
    assert found == {"media/a/1/0.m4s", "media/b/x", "sources/c"}
    assert (tmp_path / "back/sources/c").read_bytes() == b"one"


def test_what_is_known_is_not_read_again_and_what_changed_is(
    sync: Sync, storage: LocalStorage, store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = sync.run()
    read: list[str] = []
    send = Sync._send
    monkeypatch.setattr(Sync, "_send", lambda self, s: (read.append(s.key), send(self, s))[1])
    second = sync.run()
    assert read == []
    assert second.id == first.id
    assert second.seen_at > first.seen_at
    storage.put_bytes("media/b/x", b"new", KIND)
    storage.put_bytes("media/a/1/1.m4s", b"more", KIND)
    third = sync.run()
    assert read == ["media/a/1/1.m4s", "media/b/x"]
    assert (third.id != first.id, third.objects) == (True, 4)


def test_a_machine_without_a_list_sends_nothing_twice(
    sync: Sync, store: FolderStore, storage: LocalStorage, tmp_path: Path
) -> None:
    sync.run()
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "store/media").rglob("*.age")}
    Sync(storage, store, sync.recipients, tmp_path / "elsewhere").run()
    after = {path: path.stat().st_mtime_ns for path in (tmp_path / "store/media").rglob("*.age")}
    assert after == before


def test_a_deleted_file_is_in_the_list_before_and_not_after(
    sync: Sync, storage: LocalStorage, store: FolderStore, identity: Path, tmp_path: Path
) -> None:
    before = sync.run()
    storage.delete_prefix("media/b")
    after = sync.run()
    assert after.objects == 2
    assert "media/b/x" not in _recalled(store, identity, tmp_path / "late", after)
    assert "media/b/x" in _recalled(store, identity, tmp_path / "both", before, after)


def test_media_that_are_missing_or_exchanged_are_named(
    sync: Sync, store: FolderStore, identity: Path, tmp_path: Path
) -> None:
    made = sync.run()
    paths = sorted((tmp_path / "store/media").rglob("*.age"))
    first = paths[0].read_bytes()
    paths[0].write_bytes(paths[1].read_bytes())
    with pytest.raises(BackupError, match="hash differs"):
        _recalled(store, identity, tmp_path / "one", made)
    paths[0].write_bytes(first)
    paths[1].unlink()
    with pytest.raises(BackupError, match="is missing from the backup"):
        _recalled(store, identity, tmp_path / "two", made)


def test_a_list_that_leads_out_of_the_folder_is_refused(
    sync: Sync, store: FolderStore, identity: Path, tmp_path: Path
) -> None:
    sync.run()
    lines = f"{'0' * 64}\t1\t2026-01-01T00:00:00+00:00\t../../escaped\n"
    path = tmp_path / "list.tsv"
    path.write_text(lines, encoding="utf-8")
    with path.open("rb") as source:
        part = sealing.seal(store, "lists/x/media.tsv.age", source, sync.recipients)
    forged = MediaList("x", utcnow(), utcnow(), 1, 1, part)
    with pytest.raises(BackupError, match="no key"):
        _recalled(store, identity, tmp_path / "back", forged)


def test_memory_stays_flat_however_large_a_file_is(
    sync: Sync, storage: LocalStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No more than a few blocks are ever asked for at a time."""
    asked: list[int] = []
    read = sealing.Reading.read

    def watched(self: sealing.Reading, size: int = -1) -> bytes:
        asked.append(size)
        return read(self, size)

    monkeypatch.setattr(sealing.Reading, "read", watched)
    storage.put_bytes("sources/large", b"x" * 5 * 1024**2, KIND)
    sync.run()
    assert min(asked) > 0
    assert max(asked) <= sealing.CHUNK_BYTES


def _list(day: int, seen: int | None = None) -> MediaList:
    start = datetime(2026, 1, day, tzinfo=UTC)
    end = datetime(2026, 1, seen or day, 1, tzinfo=UTC)
    return MediaList(catalog.new_id(start), start, end, 0, 0, Part("", 0, ""))


@pytest.mark.parametrize(
    ("day", "chosen"), [(2, [1, 3]), (4, [1, 3, 5]), (9, [1, 7]), (None, [1, 7])]
)
def test_a_moment_takes_the_lists_around_it(day: int | None, chosen: list[int]) -> None:
    lists = [_list(1), _list(3), _list(5), _list(7)]
    moment = None if day is None else datetime(2026, 1, day, 12, tzinfo=UTC)
    found = lists_of(lists, datetime(2026, 1, 1, 12, tzinfo=UTC), moment)
    assert [one.started_at.day for one in found] == chosen


def test_what_no_list_names_any_more_is_removed_when_it_is_old_enough(
    sync: Sync, storage: LocalStorage, store: FolderStore
) -> None:
    sync.run()
    storage.delete_prefix("media/b")
    with shifted(timedelta(hours=1)):
        sync.run()
    assert len(_media_in(store)) == 2
    gone = pruning.prune(store, 1, utcnow() + timedelta(hours=12))
    assert (gone.media, gone.lists) == (0, 0)
    gone = pruning.prune(store, 1, utcnow() + timedelta(days=4))
    assert (gone.media, gone.lists) == (1, 1)
    assert len(_media_in(store)) == 1
    assert media.LIST_NAME == "media.tsv.age"
