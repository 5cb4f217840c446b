"""The contract of places for backups, on a folder and on a real S3 server."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.config import ConfigurationError, load_settings
from app.errors import NotFound, StorageUnavailable
from app.integrations import s3_backup_store
from app.integrations.backup_store import BackupStore, FolderStore, open_store
from tests.support.s3_server import S3Server, s3_server

pytestmark = pytest.mark.no_database


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with s3_server(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> BackupStore:
    environment = {"DATABASE_URL": "postgresql://unused"}
    url = tmp_path.as_uri()
    if request.param == "bucket":
        server: S3Server = request.getfixturevalue("server")
        environment |= server.environment
        url = f"s3://{server.bucket}/backups/{uuid.uuid4().hex}"
    return open_store(url, load_settings(environment))


def _write(store: BackupStore, key: str, *pieces: bytes) -> None:
    with store.writing(key) as target:
        for piece in pieces:
            target.write(piece)


def _break_off(store: BackupStore, key: str) -> None:
    with store.writing(key) as target:
        target.write(b"x" * 6 * 1024**2)
        raise RuntimeError


def _read(store: BackupStore, key: str) -> bytes:
    with store.open(key) as kept:
        return kept.read()


def test_what_was_written_in_pieces_comes_back_whole(store: BackupStore) -> None:
    _write(store, "base/one/part.age", b"first ", b"", b"second")
    _write(store, "base/one/empty")
    assert _read(store, "base/one/part.age") == b"first second"
    assert _read(store, "base/one/empty") == b""
    assert store.size("base/one/part.age") == 12
    assert store.size("base/one") is None


def test_more_than_one_part_comes_back_whole(
    store: BackupStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_backup_store, "PART_BYTES", 5 * 1024**2)
    pieces = [bytes([number]) * 1024**2 for number in range(12)]
    _write(store, "base/large", *pieces)
    assert _read(store, "base/large") == b"".join(pieces)


def test_what_broke_off_is_not_there_and_what_was_before_still_is(
    store: BackupStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_backup_store, "PART_BYTES", 5 * 1024**2)
    _write(store, "lists/one/manifest.json", b"before")
    for key in ("base/new", "lists/one/manifest.json"):
        with pytest.raises(RuntimeError):
            _break_off(store, key)
    assert store.size("base/new") is None
    assert _read(store, "lists/one/manifest.json") == b"before"
    assert [stored.key for stored in store.list_objects("base")] == []


def test_listings_end_with_the_folder(store: BackupStore) -> None:
    for key in ("media/ab/2", "media/ab/1", "media/b/1", "mediate/x"):
        _write(store, key, b"four")
    found = list(store.list_objects("media"))
    assert [stored.key for stored in found] == ["media/ab/1", "media/ab/2", "media/b/1"]
    assert {stored.size for stored in found} == {4}
    assert store.list_folders("media") == ["ab", "b"]
    assert store.list_folders("nothing") == []


def test_a_folder_is_listed_in_the_order_of_its_keys(tmp_path: Path) -> None:
    """A slash counts as a letter, as it does in S3, so that lists can be merged line by line."""
    keys = ["m/a-/1", "m/a.b", "m/a/1", "m/a/2/x", "m/a0", "m/aa"]
    store = FolderStore(tmp_path)
    for key in reversed(keys):
        _write(store, key, b"x")
    assert [stored.key for stored in store.list_objects("m")] == keys == sorted(keys)


def test_what_is_removed_is_gone_and_may_be_removed_again(store: BackupStore) -> None:
    _write(store, "media/ab/1", b"x")
    for _ in range(2):
        store.delete("media/ab/1")
    assert list(store.list_objects("media")) == []
    with pytest.raises(NotFound), store.open("media/ab/1"):
        pass


def test_what_killed_writers_left_is_removed_when_it_is_old(
    store: BackupStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_backup_store, "PART_BYTES", 5 * 1024**2)
    _write(store, "base/whole/part", b"x")
    writing = store.writing("base/half/part")
    writing.__enter__().write(b"x" * 6 * 1024**2)  # and never leaves, as killed ones do
    now = datetime.now(UTC)
    assert store.forget_unfinished(now - timedelta(hours=1)) == 0
    assert store.forget_unfinished(now + timedelta(hours=1)) == 1
    assert store.forget_unfinished(now + timedelta(hours=1)) == 0
    assert store.list_folders("base") == ["whole"]


def test_a_disk_that_is_not_mounted_is_not_written_beside(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "unmounted")
    with pytest.raises(StorageUnavailable, match="mount"):
        _write(store, "base/one", b"x")
    assert not (tmp_path / "unmounted").exists()


@pytest.mark.parametrize("url", ["", "file://", "file://host/x", "s3://", "ftp://x/y", "backups"])
def test_what_is_no_place_for_backups_is_refused(url: str) -> None:
    settings = load_settings({"DATABASE_URL": "postgresql://unused"})
    with pytest.raises(ConfigurationError, match="file:///folder or s3://bucket/prefix"):
        open_store(url, settings)
