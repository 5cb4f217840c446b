"""A furnished house is backed up, lost, and brought back: the same rows, files and video."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app import sealed
from app.backups import catalog, facts, verifying
from app.backups.trouble import BackupError
from app.integrations.backup_store import FolderStore
from tests.ops.lost_house import (
    Site,
    files_in,
    furnished_site,
    play,
    running,
    short_folder,
    tables_of,
)
from tests.support.known_secrets import SECRETS
from tests.support.server import ROOT, base_environment, gunicorn, stop, wait_until
from tests.support.small_disk import run_on_small_disk

pytestmark = pytest.mark.no_database


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with furnished_site() as site:
        yield site


@pytest.fixture
def target(site: Site) -> Iterator[Path]:
    """An empty place to restore into."""
    folder = short_folder()
    yield folder / "house"
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def backed_up(site: Site) -> Site:
    """The site with one backup of it."""
    site.back_up()
    return site


def test_a_house_comes_back_as_it_was_and_its_video_plays(backed_up: Site, target: Path) -> None:
    before = tables_of(backed_up.environment["DATABASE_BACKUP_URL"])
    assert sum(table.rows for table in before.values()) > 20
    known = ("--identity", str(backed_up.identity), "--to", str(target))
    said = backed_up.flask("restore", *known, "--verify").stdout
    assert f"{sum(table.rows for table in before.values())} in {len(before)} tables" in said
    assert "audit trail: whole" in said

    assert files_in(target / "media") == files_in(backed_up.house.data_directory / "media")
    for name in ("secret_key", "playback_jwt_secret", "content_key_secret"):
        restored = (target / "secrets" / name).read_text(encoding="utf-8").strip()
        assert restored == SECRETS[name.upper()]
    with running(backed_up, target) as address:
        assert tables_of(address) == before
        values = {**SECRETS, "DATABASE_URL": address, "DATA_DIR": str(target)}
        with gunicorn({**values, "APP_ENV": "development"}, target) as server:
            assert play(server.url, backed_up) > 20


def test_point_in_time_is_exact_to_the_second(backed_up: Site, target: Path) -> None:
    """Of rows written two seconds apart, the one before the moment is there, the one after not."""
    backed_up.execute("create table moments (name text)")
    insert = "insert into moments values ('{}') returning clock_timestamp()"
    first = backed_up.execute(insert.format("first"))[0]
    wait_until(
        lambda: (backed_up.execute("select clock_timestamp()")[0] - first).total_seconds() > 2.0,
        10,
        "two seconds are over",
    )
    second = backed_up.execute(insert.format("second"))[0]
    backed_up.archive()
    restored = backed_up.restore(target, until=second - timedelta(seconds=1), with_media=False)
    assert restored.checked.faults == ()
    assert restored.checked.audit_head
    assert _column(backed_up, target, "select name from moments") == ["first"]


def test_all_that_was_archived_comes_back_unless_some_is_missing(
    backed_up: Site, copy: Path, target: Path
) -> None:
    """Without a segment in between recovery would end there, and nobody would know."""
    backed_up.execute("create table written (number int)")
    for number in range(3):
        backed_up.execute(f"insert into written values ({number})")
        backed_up.archive()
    backed_up.restore(target, with_media=False)
    assert _column(backed_up, target, "select number from written") == [0, 1, 2]

    shutil.rmtree(copy / "wal")
    shutil.copytree(backed_up.store / "wal", copy / "wal")
    missing = sorted(copy.glob("wal/0*/*.age"))[-2]
    missing.unlink()
    error = _refused(backed_up, target.with_name("second"), copy, with_media=False)
    assert missing.name.partition("-")[0] in error
    assert "--until" in error


def _column(site: Site, target: Path, query: str) -> list[Any]:
    with running(site, target) as address:
        connection = facts.connect(address)
        try:
            with connection.cursor() as cursor:
                cursor.execute(query)
                return [row[0] for row in cursor.fetchall()]
        finally:
            connection.close()


def _refused(site: Site, target: Path, store: Path | None = None, **wish: Any) -> str:
    """Restore in vain: nothing may be left in the target. Return what is said of it."""
    with pytest.raises(BackupError) as refused:
        site.restore(target, store, **wish)
    assert files_in(target) == {}
    return str(refused.value)


def test_the_wrong_identity_opens_nothing(backed_up: Site, target: Path) -> None:
    other = target.with_name("other.txt")
    other.write_text(sealed.make_identity()[0], encoding="utf-8")
    done = backed_up.flask("restore", "--identity", str(other), "--to", str(target), check=False)
    assert done.returncode == 1
    assert "sealed to other recipients" in done.stderr
    assert "Traceback" not in done.stderr
    assert files_in(target) == {}


@pytest.fixture
def copy(backed_up: Site) -> Iterator[Path]:
    """The store once more, for tests that damage it."""
    folder = short_folder() / "store"
    shutil.copytree(backed_up.store, folder)
    yield folder
    shutil.rmtree(folder.parent, ignore_errors=True)


@pytest.mark.parametrize(
    "pattern",
    ["base/*/base.tar.gz.age", "base/*/contents.json.age", "media/*/*.age"],
    ids=["database", "contents", "media"],
)
def test_what_was_cut_off_is_named_and_nothing_restored(
    backed_up: Site, copy: Path, target: Path, pattern: str
) -> None:
    found = max(copy.glob(pattern), key=lambda path: path.stat().st_size)
    os.truncate(found, found.stat().st_size - 1)
    error = _refused(backed_up, target, copy)
    assert found.name in error
    assert "damaged or cut off" in error
    store = FolderStore(copy)
    identities = sealed.read_identities(backed_up.identity)
    faults = list(verifying.faults_of(store, catalog.list_bases(store)[-1], identities))
    assert [fault for fault in faults if found.name in fault]


def test_a_cut_off_change_is_named_and_nothing_restored(
    backed_up: Site, copy: Path, target: Path
) -> None:
    backed_up.archive()
    shutil.rmtree(copy / "wal")
    shutil.copytree(backed_up.store / "wal", copy / "wal")
    base = catalog.list_bases(FolderStore(copy))[-1]
    found = next(copy.glob(f"wal/*/{base.first_segment}-*.age"))
    os.truncate(found, found.stat().st_size - 1)
    assert found.name in _refused(backed_up, target, copy, with_media=False)


def test_a_moment_that_is_not_archived_is_refused(backed_up: Site, target: Path) -> None:
    late, early = datetime(2099, 1, 1, tzinfo=UTC), datetime(2001, 1, 1, tzinfo=UTC)
    error = _refused(backed_up, target, with_media=False, until=late)
    assert "end before 2099-01-01" in error
    assert "no such backup" in _refused(backed_up, target, until=early)


def test_a_house_that_is_there_is_never_touched(backed_up: Site, target: Path) -> None:
    (target / "media").mkdir(parents=True)
    (target / "media" / "mine").write_text("keep", encoding="utf-8")
    with pytest.raises(BackupError, match="not empty"):
        backed_up.restore(target)
    assert files_in(target) == {"media/mine": b"keep"}


def test_a_full_disk_leaves_no_backup_that_counts(backed_up: Site, target: Path) -> None:
    target.mkdir()
    command = ("-m", "flask", "--app", "wsgi", "backup", "--to", str(target))
    environment = base_environment() | backed_up.environment
    done = run_on_small_disk(target, "3m", *command, environment=environment)
    assert done.returncode == 1, done.stdout
    assert "Traceback" not in done.stderr
    assert "The disk is full" in done.stderr
    assert "Backed up" not in done.stdout

    known = ("--identity", str(backed_up.identity), "--to", str(target))
    command = ("-m", "flask", "--app", "wsgi", "restore", *known)
    done = run_on_small_disk(target, "24m", *command, environment=environment)
    assert done.returncode == 1, done.stdout
    assert "Traceback" not in done.stderr
    assert "No space left" in done.stderr


def test_a_killed_backup_counts_for_nothing_and_the_next_one_does(
    backed_up: Site, target: Path
) -> None:
    folder = target.with_name("store")
    folder.mkdir()
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "backup", "--to", str(folder)]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=base_environment() | backed_up.environment,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        wait_until(
            lambda: list(folder.glob("base/*/.part-*")), 60, "a backup is being written", 0.002
        )
        os.killpg(process.pid, signal.SIGKILL)
    finally:
        stop(process)
    assert catalog.list_bases(FolderStore(folder)) == []
    assert "no such backup" in _refused(backed_up, target, folder)
    backed_up.back_up(folder)
    store = FolderStore(folder)
    assert list(verifying.faults_of(store, catalog.list_bases(store)[-1], [])) == []
