"""A furnished house is backed up, lost, and brought back: the same rows, files and video."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import av
import psycopg2
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7
from flask_migrate import upgrade

from app import sealed
from app.backups import catalog, facts, taking, verifying
from app.backups.catalog import Base
from app.backups.restoring import Restore, Restored, Wish
from app.backups.trouble import BackupError
from app.current import integrations, settings
from app.integrations.backup_store import FolderStore
from tests.support import house as houses
from tests.support.apps import made_app
from tests.support.house import House, Person
from tests.support.http import Visitor
from tests.support.known_secrets import SECRETS
from tests.support.player import KEY_URI, MAP_URI, lines_of
from tests.support.postgres import Cluster, temporary_cluster, with_owner
from tests.support.server import ROOT, base_environment, gunicorn, stop, wait_until
from tests.support.small_disk import run_on_small_disk

SCRIPT = ROOT / "app/integrations/wal_archive_script.py"
CLIP_SECONDS = 5.0
pytestmark = pytest.mark.no_database
# Of PostgreSQL's user, whom a virtual environment below /root does not let in.
PYTHON = "/usr/bin/python3" if os.geteuid() == 0 else sys.executable


@dataclass
class Site:
    """A furnished house on a PostgreSQL that archives, with what an operator types."""

    folder: Path
    cluster: Cluster
    house: House
    identity: Path
    learner: Person
    store: Path
    environment: dict[str, str] = field(default_factory=dict)

    def back_up(self, store: Path | None = None) -> Base:
        """Take a backup, as the verb does but without starting Python for it."""
        with made_app(self.environment) as app, app.app_context():
            place = FolderStore(store or self.store)
            recipients = taking.recipients_of(settings)
            house = taking.House(settings, integrations.storage, place, recipients)
            return taking.take(house)

    def flask(
        self, *arguments: str, check: bool = True, **changes: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a flask verb."""
        done = subprocess.run(
            [sys.executable, "-m", "flask", "--app", "wsgi", *arguments],
            cwd=ROOT,
            env=base_environment() | self.environment | changes,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    def restore(self, target: Path, store: Path | None = None, **wish: Any) -> Restored:
        """Bring a backup back into `target`, as the verb does."""
        identities = sealed.read_identities(self.identity)
        wanted = Wish(target=target, **wish)
        return Restore(FolderStore(store or self.store), identities, wanted, print).run()

    def execute(self, statement: str) -> Any:
        """Run a statement as the administrator, committed at once; return its first row."""
        connection = psycopg2.connect(self.environment["DATABASE_BACKUP_URL"])
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)
                return cursor.fetchone() if cursor.description else None
        finally:
            connection.close()

    def archive(self) -> None:
        """Wait until every change made so far lies in the store."""
        self.execute("select pg_logical_emit_message(true, 'test', 'something to archive')")
        name = self.execute("select pg_walfile_name(pg_switch_wal())")[0]
        wait_until(lambda: list(self.store.glob(f"wal/*/{name}-*.age")), 60, f"{name} is archived")


@contextmanager
def _archiving_cluster(folder: Path, recipient: str) -> Iterator[tuple[Cluster, Path]]:
    store = folder / "store"
    (store / "wal").mkdir(parents=True)
    settings = folder / "archive.env"
    lines = f"BACKUP_URL={store.as_uri()}\nBACKUP_RECIPIENT={recipient}\n"
    settings.write_text(lines, encoding="utf-8")
    packages = Path(sealed.pyrage.__file__).parents[1]
    command = f'PYTHONPATH="{packages}" "{PYTHON}" "{SCRIPT}" push "{settings}" "%p" "%f"'
    options = {"archive_mode": "on", "archive_timeout": "60", "archive_command": command}
    with temporary_cluster({**options, "log_timezone": "UTC"}, 60) as cluster:
        if cluster.identity:
            os.chown(store / "wal", cluster.identity["user"], cluster.identity["group"])
        process = cluster.start()
        try:
            wait_until(cluster.has_started, 30, "PostgreSQL takes connections")
            yield cluster, store
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(30)


def _short_folder() -> Path:
    """Return a new folder that PostgreSQL's user may enter, for what pytest makes it may not."""
    folder = Path(tempfile.mkdtemp(prefix="backup-"))
    folder.chmod(0o711)
    return folder


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    folder = _short_folder()
    text, recipient = sealed.make_identity()
    identity = folder / "identity.txt"
    identity.write_text(text, encoding="utf-8")
    try:
        with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
            patch.setattr(houses, "CLIP_SECONDS", CLIP_SECONDS)
            cluster, store = stack.enter_context(_archiving_cluster(folder, recipient))
            server = with_owner(cluster.admin_url)
            url = server.create_database("app")
            data = folder / "data"
            data.mkdir()
            environment = {
                **SECRETS,
                "APP_ENV": "development",
                "PUBLIC_BASE_URL": "http://localhost",
                "DATA_DIR": str(data),
                "DATABASE_URL": url,
            }
            with made_app(environment) as app, app.app_context():
                upgrade(directory=str(ROOT / "migrations"))
            house = houses.build(environment, data)
            administrators = cluster.admin_url.replace("/postgres?", "/app?")
            of_backups = {
                "DATABASE_BACKUP_URL": administrators,
                "BACKUP_URL": store.as_uri(),
                "BACKUP_RECIPIENT": recipient,
            }
            learner = house.add_learner()
            yield Site(
                folder, cluster, house, identity, learner, store, {**environment, **of_backups}
            )
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def target(site: Site) -> Iterator[Path]:
    """An empty place to restore into."""
    folder = _short_folder()
    yield folder / "house"
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def backed_up(site: Site) -> Site:
    """The site with one backup of it."""
    site.back_up()
    return site


@contextmanager
def _running(site: Site, target: Path) -> Iterator[str]:
    """Run PostgreSQL on a restored house, as a demo would, and give the database's address."""
    binaries = site.cluster.command[0]
    socket = _short_folder()
    if site.cluster.identity:
        os.chown(socket, site.cluster.identity["user"], site.cluster.identity["group"])
    data = next((target / "postgres").iterdir())
    cluster = Cluster(
        socket,
        [binaries, "-D", data, "-k", socket, "-c", "listen_addresses="],
        site.cluster.identity,
    )
    process = cluster.start()
    try:
        wait_until(cluster.has_started, 30, "the restored PostgreSQL takes connections")
        yield cluster.admin_url.replace("/postgres?", "/app?")
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)
        shutil.rmtree(socket, ignore_errors=True)


def _tables(address: str) -> dict[str, facts.Table]:
    connection = facts.connect(address)
    try:
        return facts.read_tables(connection)
    finally:
        connection.close()


def _files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _play(url: str, site: Site) -> int:
    """Play the first segment as a browser does, and return how many pictures it shows."""
    visitor = Visitor(url, {"session": site.learner.token})
    body = {"lesson_id": str(site.house.video_lesson)}
    origin = {"Origin": url, "Sec-Fetch-Site": "same-origin"}
    token = visitor.request("POST", "/api/playback/token", body, origin)
    assert token.status == 201, token.text
    manifest_url = token.json["manifest_url"]
    variant = urljoin(manifest_url, lines_of(visitor.request("GET", manifest_url).text)[0])
    playlist = visitor.request("GET", variant).text
    addresses = [pattern.findall(playlist)[0] for pattern in (KEY_URI, MAP_URI)]
    key, init = (visitor.request("GET", urljoin(variant, one)).body for one in addresses)
    segment = visitor.request("GET", urljoin(variant, lines_of(playlist)[0])).body
    vector = bytes.fromhex(playlist.partition("IV=0x")[2][:32])
    decryptor = Cipher(algorithms.AES(key), modes.CBC(vector)).decryptor()
    unpadder = PKCS7(128).unpadder()
    clear = unpadder.update(decryptor.update(segment)) + unpadder.finalize()
    path = site.folder / "played.mp4"
    path.write_bytes(init + clear)
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def test_a_house_comes_back_as_it_was_and_its_video_plays(backed_up: Site, target: Path) -> None:
    before = _tables(backed_up.environment["DATABASE_BACKUP_URL"])
    assert sum(table.rows for table in before.values()) > 20
    known = ("--identity", str(backed_up.identity), "--to", str(target))
    said = backed_up.flask("restore", *known, "--verify").stdout
    assert f"{sum(table.rows for table in before.values())} in {len(before)} tables" in said
    assert "audit trail: whole" in said

    assert _files(target / "media") == _files(backed_up.house.data_directory / "media")
    for name in ("secret_key", "playback_jwt_secret", "content_key_secret"):
        restored = (target / "secrets" / name).read_text(encoding="utf-8").strip()
        assert restored == SECRETS[name.upper()]
    with _running(backed_up, target) as address:
        assert _tables(address) == before
        values = {**SECRETS, "DATABASE_URL": address, "DATA_DIR": str(target)}
        with gunicorn({**values, "APP_ENV": "development"}, target) as server:
            assert _play(server.url, backed_up) > 20


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
    with _running(site, target) as address:
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
    assert _files(target) == {}
    return str(refused.value)


def test_the_wrong_identity_opens_nothing(backed_up: Site, target: Path) -> None:
    other = target.with_name("other.txt")
    other.write_text(sealed.make_identity()[0], encoding="utf-8")
    done = backed_up.flask("restore", "--identity", str(other), "--to", str(target), check=False)
    assert done.returncode == 1
    assert "sealed to other recipients" in done.stderr
    assert "Traceback" not in done.stderr
    assert _files(target) == {}


@pytest.fixture
def copy(backed_up: Site) -> Iterator[Path]:
    """The store once more, for tests that damage it."""
    folder = _short_folder() / "store"
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
    assert _files(target) == {"media/mine": b"keep"}


def test_a_full_disk_leaves_no_backup_that_counts(backed_up: Site, target: Path) -> None:
    target.mkdir()
    command = ("-m", "flask", "--app", "wsgi", "backup", "--to", str(target))
    environment = base_environment() | backed_up.environment
    done = run_on_small_disk(target, "3m", *command, environment=environment)
    assert done.returncode == 1, done.stdout
    assert "Traceback" not in done.stderr
    assert "The disk is full" in done.stderr
    assert "Backed up" not in done.stdout


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
