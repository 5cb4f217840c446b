"""Taking a backup of the whole house: media, the database, and media that came meanwhile."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from psycopg2.extensions import connection as Connection  # noqa: N812 - it is a class

from app import sealed
from app.backups import catalog, facts, wal
from app.backups.catalog import Base, MediaList
from app.backups.facts import Server, Tables
from app.backups.media import Sync
from app.backups.sealing import Packing, Recipients, seal
from app.backups.trouble import BackupError
from app.clock import utcnow
from app.config import Settings, StorageKind
from app.database import db
from app.domain.audit import verification
from app.integrations.backup_store import BackupStore
from app.integrations.postgres_tools import base_backup, binaries, libpq_address, system_of
from app.integrations.storage import Storage

log = logging.getLogger("backups")
Say = Callable[[str], None]

LOCK = 0x7419_1E_BAC4
CACHE_FOLDER = "backups"
IDENTITY_FILE = "secrets/backup_identity"


@dataclass(frozen=True)
class House:
    """What is backed up, to where and for whose eyes."""

    settings: Settings
    storage: Storage
    store: BackupStore
    recipients: Recipients

    @property
    def address(self) -> str:
        """Return the database's address for the role that may read everything."""
        return self.settings.database_backup_url or libpq_address(self.settings.database_url)


def recipients_of(settings: Settings, given: tuple[str, ...] = ()) -> Recipients:
    """Return whose identities will open the backup. Raises BackupError.

    A demo that names nobody gets an identity of its own, beside its other secrets.
    """
    named = given or settings.backup_recipient
    if not named and not settings.is_production:
        named = (_own_recipient(settings.data_dir / IDENTITY_FILE),)
    if not named:
        raise BackupError(
            "BACKUP_RECIPIENT is empty. Make an identity with `flask backup identity FILE`, keep it"
            " away from this machine, and set BACKUP_RECIPIENT to the public key that is printed."
        )
    try:
        return sealed.parse_recipients(named)
    except sealed.SealedError as error:
        raise BackupError(f"BACKUP_RECIPIENT: {error}") from error


def _own_recipient(path: Path) -> str:
    if not path.exists():
        write_identity(path)
    try:
        return str(sealed.read_identities(path)[0].to_public())
    except sealed.SealedError as error:
        raise BackupError(str(error)) from error


def write_identity(path: Path) -> str:
    """Write a new identity to `path`, which must not be there, and return its public recipient."""
    text, recipient = sealed.make_identity()
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600, exist_ok=False)
        path.write_text(text, encoding="utf-8")
    except FileExistsError as error:
        raise BackupError(f"{path} is there already; an identity is never overwritten.") from error
    except OSError as error:
        raise BackupError(f"{path} cannot be written: {error.strerror}.") from error
    return recipient


def take(house: House, say: Say = log.info) -> Base:
    """Back everything up and return the manifest that makes it count.

    Raises BackupError, PostgresFailed, StorageFull, StorageUnavailable: then nothing counts, and
    what was sent of the media is not sent again.
    """
    with alone(house) as connection:
        sync_media(house, say)
        base = _take_database(house, connection, say)
        sync_media(house, say)
    return base


def take_media(house: House, say: Say = log.info) -> MediaList:
    """Back up the media alone, which is quick while nothing new is there. Raises as `take` does."""
    with alone(house):
        return sync_media(house, say)


def sync_media(house: House, say: Say) -> MediaList:
    """Send new media and list what there is; for callers that hold the lock."""
    _refuse_own_bucket(house.settings)
    cache = house.settings.data_dir / CACHE_FOLDER
    found = Sync(house.storage, house.store, house.recipients, cache).run()
    say(f"media: {found.objects} objects, {found.size} bytes, listed as {found.id}")
    return found


def _take_database(house: House, connection: Connection, say: Say) -> Base:
    started_at = utcnow()
    server = facts.read_server(connection)
    system = system_of(house.address)
    _refuse_other_system(house.store, system)
    head = str(verification.read_head())
    db.session.rollback()  # no transaction stays open while files are read
    before = facts.read_tables(connection)
    base_id = catalog.new_id(started_at)
    folder = f"{catalog.BASES}/{base_id}"
    with base_backup(house.address, binaries(server.major)) as stream:
        key = f"{folder}/base.tar.gz.age"
        part = seal(house.store, key, Packing(stream), house.recipients)
    after = facts.read_tables(connection)
    contents = _contents(house.settings, server, head, before, after)
    sealed_contents = seal(
        house.store, f"{folder}/contents.json.age", io.BytesIO(contents), house.recipients
    )
    base = Base(
        id=base_id,
        started_at=started_at,
        finished_at=utcnow(),
        system=system,
        timeline=stream.timeline,
        start_lsn=stream.start_lsn,
        end_lsn=stream.end_lsn,
        first_segment=wal.segment_of(stream.start_lsn, stream.timeline, server.segment_bytes),
        segment_bytes=server.segment_bytes,
        postgres=server.version,
        release=house.settings.release,
        parts=(part, sealed_contents),
    )
    catalog.write(house.store, base)
    say(f"database: {base.size} bytes, kept as {base.id}")
    return base


def _contents(
    settings: Settings, server: Server, head: str, before: Tables, after: Tables
) -> bytes:
    """Return what only the identity's holder may read: the settings, and what the rows came to."""
    values = {
        "settings": environment_of(settings),
        "database": server.database,
        "superuser": server.superuser,
        "major": server.major,
        "audit_head": head,
        "tables": facts.to_json(before),
        "still": facts.to_json(facts.still(before, after)),
    }
    return json.dumps(values, indent=1).encode()


def environment_of(settings: Settings) -> dict[str, str]:
    """Return the settings that are not at their default, secrets too, by their variables."""
    return {
        name.upper(): _written(value)
        for name, field in Settings.model_fields.items()
        if (value := getattr(settings, name)) != field.get_default(call_default_factory=True)
    }


def _written(value: Any) -> str:
    match value:
        case tuple():
            return ",".join(value)
        case bool():
            return str(value).lower()
        case Enum():
            return str(value.value)
    return libpq_address(str(value))


@contextmanager
def alone(house: House) -> Iterator[Connection]:
    """Give a connection that holds the backups' lock; a killed holder's goes with it."""
    connection = facts.connect(house.address)
    try:
        with connection.cursor() as cursor:
            cursor.execute("select pg_try_advisory_lock(%s)", (LOCK,))
            if cursor.fetchone() != (True,):
                raise BackupError("Another backup is under way; wait until it ends.")
        yield connection
    finally:
        connection.close()


def _refuse_other_system(store: BackupStore, system: str) -> None:
    bases = catalog.list_bases(store)
    if bases and bases[-1].system != system:
        raise BackupError(
            "The store holds backups of another database; give each a place of its own, or move"
            " the old backups away."
        )


def _refuse_own_bucket(settings: Settings) -> None:
    place = urlsplit(settings.backup_url)
    own = settings.storage is StorageKind.S3 and settings.s3_bucket_name
    if place.scheme == "s3" and place.netloc == own:
        raise BackupError(
            "BACKUP_URL names the bucket of the media; backups need a bucket of their own."
        )
