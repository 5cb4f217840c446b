"""The storage contract, on the directory and on a real S3 server."""

import hashlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.clock import utcnow
from app.config import load_settings
from app.errors import NotFound, StorageUnavailable
from app.integrations.local_storage import LocalStorage
from app.integrations.s3_storage import S3Storage
from app.integrations.storage import Storage
from tests.support.s3_server import S3Server, s3_server

pytestmark = pytest.mark.no_database

BINARY = "application/octet-stream"
MULTIPART_BYTES = 20 * 1024 * 1024


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with s3_server(tmp_path_factory.mktemp("s3")) as server:
        yield server


def s3_storage(server: S3Server, **changes: str) -> S3Storage:
    environment = {"DATABASE_URL": "postgresql://unused", **server.environment, **changes}
    return S3Storage(load_settings(environment))


@pytest.fixture(params=["local", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "local":
        return LocalStorage(tmp_path / "root")
    storage = s3_storage(request.getfixturevalue("server"))
    for folder in ("media", "sources"):
        storage.delete_prefix(folder)
    return storage


def read(storage: Storage, key: str) -> bytes:
    with storage.open(key) as file:
        return file.read()


def test_bytes_come_back_as_they_went(storage: Storage) -> None:
    data = bytes(range(256)) * 11
    storage.put_bytes("media/a/1/0.m4s", data, BINARY)
    assert read(storage, "media/a/1/0.m4s") == data
    assert storage.size("media/a/1/0.m4s") == len(data)


def test_an_empty_object_is_an_object(storage: Storage) -> None:
    storage.put_bytes("media/empty", b"", BINARY)
    assert read(storage, "media/empty") == b""
    assert storage.size("media/empty") == 0


def test_a_file_of_many_parts_comes_back_whole(storage: Storage, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(os.urandom(MULTIPART_BYTES))
    storage.put_file("sources/large.mp4", source, "video/mp4")
    storage.fetch_to("sources/large.mp4", target)
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in (source, target)]
    assert digests[0] == digests[1]


def test_a_second_write_replaces_the_first(storage: Storage) -> None:
    storage.put_bytes("media/x", b"first and longer", BINARY)
    storage.put_bytes("media/x", b"second", BINARY)
    assert read(storage, "media/x") == b"second"


def test_what_is_not_there_is_not_found(storage: Storage, tmp_path: Path) -> None:
    with pytest.raises(NotFound), storage.open("media/none"):
        pass
    with pytest.raises(NotFound):
        storage.size("media/none")
    with pytest.raises(NotFound):
        storage.fetch_to("media/none", tmp_path / "target")
    assert not (tmp_path / "target").exists()
    assert storage.local_path("media/none") is None


def test_keys_are_listed_sorted_and_by_folder(storage: Storage) -> None:
    for key in ("media/1/b", "media/1/a/z", "media/10/a", "sources/1"):
        storage.put_bytes(key, b"x", BINARY)
    assert storage.list_keys("media/1") == ["media/1/a/z", "media/1/b"]
    assert storage.list_keys("media") == ["media/1/a/z", "media/1/b", "media/10/a"]
    assert storage.list_keys("nothing") == []


def test_deleting_a_folder_spares_its_longer_namesake(storage: Storage) -> None:
    for key in ("media/1/a", "media/1/b/c", "media/10/a"):
        storage.put_bytes(key, b"x", BINARY)
    assert storage.delete_prefix("media/1") == 2
    assert storage.list_keys("media") == ["media/10/a"]
    assert storage.delete_prefix("media/1") == 0


def test_more_keys_than_one_page_are_listed_and_deleted(storage: Storage) -> None:
    keys = [f"media/many/{number:05d}" for number in range(1005)]
    threads = [
        threading.Thread(
            target=lambda part: [storage.put_bytes(k, b"", BINARY) for k in part],
            args=(keys[start::4],),
        )
        for start in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert storage.list_keys("media/many") == keys
    assert storage.delete_prefix("media/many") == len(keys)
    assert storage.list_keys("media/many") == []


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/etc/passwd",
        "../up",
        "media/../../up",
        "media//x",
        "media/.hidden",
        "a\x00b",
        "media/x/",
        "media\\x",
        "a" * 600,
    ],
)
def test_names_that_are_no_names_are_refused(storage: Storage, key: str) -> None:
    with pytest.raises(ValueError, match="not a storage key"):
        storage.put_bytes(key, b"x", BINARY)
    with pytest.raises(ValueError, match="not a storage key"):
        storage.local_path(key)


def test_a_wrong_signature_is_refused_by_the_server(server: S3Server) -> None:
    storage = s3_storage(server, AWS_SECRET_ACCESS_KEY="another-secret-key")
    with pytest.raises(StorageUnavailable, match="403"):
        storage.put_bytes("media/x", b"x", BINARY)


def test_a_server_that_is_away_is_told_as_unavailable(server: S3Server) -> None:
    storage = s3_storage(server, AWS_ENDPOINT_URL="http://127.0.0.1:9")
    with pytest.raises(StorageUnavailable):
        storage.put_bytes("media/x", b"x", BINARY)


def test_s3_objects_have_no_path_on_this_machine(server: S3Server) -> None:
    storage = s3_storage(server)
    storage.put_bytes("media/x", b"x", BINARY)
    assert storage.local_path("media/x") is None


def test_the_folders_below_a_folder_are_named(storage: Storage) -> None:
    for key in ("folders/1/a", "folders/1/b/c", "folders/10/a", "folders/file", "sources/2/a"):
        storage.put_bytes(key, b"x", BINARY)
    assert sorted(storage.list_folders("folders")) == ["1", "10"]
    assert list(storage.list_folders("nothing")) == []


def test_it_is_known_when_a_folder_changed_last(storage: Storage) -> None:
    storage.put_bytes("folders/1/b/c", b"x", BINARY)
    changed_at = storage.changed_at("folders/1")
    assert changed_at is not None
    assert abs((changed_at - utcnow()).total_seconds()) < 60
    assert storage.changed_at("folders/nothing") is None


@pytest.mark.parametrize(
    ("key", "lasts"),
    [
        ("media/video/1/720p/seg.m4s", "public, max-age=86400, immutable"),
        ("sources/video.mp4", "private, no-store"),
        ("mediathek/receipt.pdf", "private, no-store"),
    ],
)
def test_a_cdn_keeps_segments_and_nothing_else(
    server: S3Server, tmp_path: Path, key: str, lasts: str
) -> None:
    storage = s3_storage(server)
    file = tmp_path / "file"
    file.write_bytes(b"from a file")
    for put in (
        lambda: storage.put_bytes(key, b"bytes", "video/mp4"),
        lambda: storage.put_file(key, file, "video/mp4"),
    ):
        put()
        head = storage.client.head_object(Bucket=storage.name, Key=key)
        assert head["CacheControl"] == lasts
    storage.delete_prefix(key.partition("/")[0])
