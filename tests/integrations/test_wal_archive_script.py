"""The script that PostgreSQL runs for each piece of its changes."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import sealed
from tests.support.s3_server import S3Server, s3_server
from tests.support.server import ROOT

pytestmark = pytest.mark.no_database
SCRIPT = ROOT / "app/integrations/wal_archive_script.py"
NAME = "0000000100000000000000A1"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with s3_server(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture
def store(tmp_path: Path) -> Path:
    folder = tmp_path / "store"
    folder.mkdir()
    return folder


@pytest.fixture
def settings(tmp_path: Path, store: Path) -> Path:
    return _settings(tmp_path, BACKUP_URL=store.as_uri())


def _settings(folder: Path, **values: str) -> Path:
    text, recipient = sealed.make_identity()
    values |= {"BACKUP_RECIPIENT": recipient, "BACKUP_IDENTITY": text.splitlines()[1]}
    path = folder / "archive.env"
    path.write_text("".join(f"{name}={value}\n" for name, value in values.items()))
    return path


def _segment(folder: Path, content: bytes = b"changes") -> Path:
    path = folder / "segment"
    path.write_bytes(content)
    os.truncate(path, 16 * 1024**2)
    return path


def _run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", SCRIPT, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_a_segment_is_kept_sealed_and_small_and_comes_back(
    tmp_path: Path, store: Path, settings: Path
) -> None:
    segment, back = _segment(tmp_path), tmp_path / "back"
    for _ in range(2):  # PostgreSQL asks again for what it does not know was done
        done = _run("push", settings, segment, NAME)
        assert (done.returncode, done.stderr) == (0, "")
    (kept,) = [path for path in store.rglob("*") if path.is_file()]
    assert kept.stat().st_size < 100_000
    assert b"changes" not in kept.read_bytes()
    assert _run("pull", settings, NAME, back).returncode == 0
    assert back.read_bytes() == segment.read_bytes()


def test_another_content_of_the_same_name_is_never_written_over(
    tmp_path: Path, store: Path, settings: Path
) -> None:
    assert _run("push", settings, _segment(tmp_path), NAME).returncode == 0
    done = _run("push", settings, _segment(tmp_path, b"other changes"), NAME)
    assert done.returncode == 1
    assert "two databases" in done.stderr
    assert len([path for path in store.rglob("*") if path.is_file()]) == 1


def test_a_store_that_is_away_is_told_so_that_postgresql_keeps_the_segment(
    tmp_path: Path, store: Path, settings: Path
) -> None:
    store.rmdir()
    done = _run("push", settings, _segment(tmp_path), NAME)
    assert done.returncode == 1
    assert "is its disk mounted?" in done.stderr
    assert "Traceback" not in done.stderr
    assert not store.exists()


def test_what_is_absent_ends_a_recovery_and_what_is_damaged_stops_it(
    tmp_path: Path, store: Path, settings: Path
) -> None:
    back = tmp_path / "back"
    assert _run("pull", settings, "00000002.history", back).returncode == 1
    assert _run("push", settings, _segment(tmp_path), NAME).returncode == 0
    (kept,) = [path for path in store.rglob("*") if path.is_file()]
    os.truncate(kept, kept.stat().st_size - 1)
    assert _run("pull", settings, NAME, back).returncode == 255
    assert not back.exists()


def test_nothing_is_kept_while_no_store_is_set(tmp_path: Path) -> None:
    settings = _settings(tmp_path, BACKUP_URL="")
    assert _run("push", settings, _segment(tmp_path), NAME).returncode == 0


def test_names_that_lead_elsewhere_are_refused(tmp_path: Path, settings: Path) -> None:
    done = _run("push", settings, _segment(tmp_path), "../../etc/passwd")
    assert done.returncode == 1
    assert "no name of a WAL file" in done.stderr


def test_a_bucket_keeps_segments_as_a_folder_does(tmp_path: Path, server: S3Server) -> None:
    names = ("AWS_ENDPOINT_URL", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    values = {name: server.environment[name] for name in names}
    settings = _settings(tmp_path, BACKUP_URL=f"s3://{server.bucket}/house", **values)
    segment, back = _segment(tmp_path), tmp_path / "back"
    assert _run("push", settings, segment, NAME).returncode == 0
    assert _run("pull", settings, NAME, back).returncode == 0
    assert back.read_bytes() == segment.read_bytes()
    away = _settings(tmp_path, **{**values, "BACKUP_URL": "s3://no-such-bucket/house"})
    done = _run("push", away, segment, NAME)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
