"""What only the directory has to stand: paths, links, torn writes and a full disk."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.errors import NotFound
from app.integrations.local_storage import LocalStorage
from tests.support.small_disk import run_on_small_disk
from tests.support.sources import ROOT

pytestmark = pytest.mark.no_database

BINARY = "application/octet-stream"
FILL = """
import sys
from pathlib import Path
from app.errors import StorageFull
from app.integrations.local_storage import LocalStorage
root = Path(sys.argv[1])
storage = LocalStorage(root)
storage.put_bytes("media/kept", b"k" * 1000, "")
try:
    storage.put_bytes("media/large", b"x" * 5_000_000, "")
except StorageFull:
    print("full", [p.name for p in root.rglob("*") if p.is_file()])
with storage.open("media/kept") as file:
    print(len(file.read()))
"""


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    return LocalStorage(tmp_path / "root")


def test_a_link_in_the_storage_is_not_followed(storage: LocalStorage, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "file").write_text("hidden")
    storage.put_bytes("media/a", b"x", BINARY)
    (tmp_path / "root/media/folder").symlink_to(secret)
    (tmp_path / "root/media/file").symlink_to(secret / "file")
    for key in ("media/folder/file", "media/file"):
        with pytest.raises(ValueError, match="leads out"), storage.open(key):
            pass
        with pytest.raises(ValueError, match="leads out"):
            storage.put_bytes(key, b"overwritten", BINARY)
    assert (secret / "file").read_text() == "hidden"


def test_a_linked_folder_is_not_emptied(storage: LocalStorage, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("kept")
    storage.put_bytes("media/1/a", b"x", BINARY)
    (tmp_path / "root/media/1/link").symlink_to(outside)
    storage.delete_prefix("media/1")
    assert (outside / "file").read_text() == "kept"


def test_a_folder_is_not_an_object(storage: LocalStorage) -> None:
    storage.put_bytes("media/a/b", b"x", BINARY)
    with pytest.raises(NotFound), storage.open("media/a"):
        pass
    with pytest.raises(NotFound), storage.open("media/a/b/c"):
        pass


def test_a_write_that_breaks_leaves_nothing(storage: LocalStorage, tmp_path: Path) -> None:
    storage.put_bytes("media/x", b"before", BINARY)
    with pytest.raises(IsADirectoryError):
        storage.put_file("media/x", tmp_path, BINARY)
    with pytest.raises(FileNotFoundError):
        storage.put_file("media/y", tmp_path / "missing", BINARY)
    assert storage.list_keys("media") == ["media/x"]
    with storage.open("media/x") as file:
        assert file.read() == b"before"


def test_a_full_disk_is_told_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    done = run_on_small_disk(
        disk, "1m", "-c", FILL, str(disk), environment={"PYTHONPATH": str(ROOT)}
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["full ['kept']", "1000"]


def test_the_web_does_not_load_the_cloud_sdk() -> None:
    """Importing boto3 and PyAV would cost a web worker half its boot time."""
    code = (
        "import sys; import app.integrations as i; from app.config import load_settings as s;"
        "i.build(s({'DATABASE_URL': 'postgresql://x', 'STORAGE': 's3', 'S3_BUCKET_NAME': 'b'}));"
        "print(sorted({'boto3', 'botocore', 'av', 'imageio_ffmpeg'} & set(sys.modules)))"
    )
    environment = {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
