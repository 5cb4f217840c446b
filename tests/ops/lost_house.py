"""A furnished house to lose, the operator's acts on it, and a look at what came back."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
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
from app.backups import facts, taking
from app.backups.catalog import Base
from app.backups.restoring import Restore, Restored, Wish
from app.current import integrations, settings
from app.integrations.backup_store import FolderStore
from tests.support import house as houses
from tests.support.apps import made_app
from tests.support.house import House, Person
from tests.support.http import Visitor
from tests.support.known_secrets import SECRETS
from tests.support.player import KEY_URI, MAP_URI, lines_of
from tests.support.postgres import Cluster, temporary_cluster, with_owner
from tests.support.server import ROOT, base_environment, wait_until

SCRIPT = ROOT / "app/integrations/wal_archive_script.py"
CLIP_SECONDS = 5.0
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


def short_folder() -> Path:
    """Return a new folder that PostgreSQL's user may enter, for what pytest makes it may not."""
    folder = Path(tempfile.mkdtemp(prefix="backup-"))
    folder.chmod(0o711)
    return folder


@contextmanager
def furnished_site() -> Iterator[Site]:
    """Furnish a house with a transcoded video, on a PostgreSQL that archives, for the block."""
    folder = short_folder()
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


@contextmanager
def running(site: Site, target: Path) -> Iterator[str]:
    """Run PostgreSQL on a restored house, as a demo would, and give the database's address."""
    binaries = site.cluster.command[0]
    socket = short_folder()
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


def tables_of(address: str) -> dict[str, facts.Table]:
    """Return the sums of every table."""
    connection = facts.connect(address)
    try:
        return facts.read_tables(connection)
    finally:
        connection.close()


def files_in(folder: Path) -> dict[str, bytes]:
    """Return what lies in `folder`, by its path."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def play(url: str, site: Site) -> int:
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
