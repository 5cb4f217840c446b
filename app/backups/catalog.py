"""What lies where in a store, and the manifests that make a backup or a list of media count.

    base/<id>/base.tar.gz.age, contents.json.age, manifest.json   the database and what it was
    lists/<id>/media.tsv.age, objects, manifest.json              which media there were at a time
    media/<2>/<sha256>.age                                        media, by what they hold
    wal/<16>/<name>-<hash>.age                                    changes since, minute by minute

A manifest is written last: what has none was never finished, and is nobody's backup. Manifests hold
no secret; everything else but `objects` (hashes) is sealed.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from app.backups.sealing import CHUNK_BYTES, Part
from app.backups.trouble import BackupError
from app.errors import NotFound
from app.integrations.backup_store import BackupStore

FORMAT = 1
BASES, LISTS, MEDIA, WAL = "base", "lists", "media", "wal"
ID = re.compile(r"\d{8}T\d{6}\.\d{3}Z")
MAX_MANIFEST_BYTES = 1 << 20
LIST_NAME, OBJECTS_NAME = "media.tsv.age", "objects"
HASH_BYTES = 32
SHARDS = "0123456789abcdef"


@dataclass(frozen=True, slots=True)
class Base:
    """A backup of the database: of when, of which server, and the objects it consists of."""

    id: str
    started_at: datetime
    finished_at: datetime
    system: str
    timeline: int
    start_lsn: str
    end_lsn: str
    first_segment: str
    segment_bytes: int
    postgres: str
    release: str
    parts: tuple[Part, ...]

    def part(self, name: str) -> Part:
        """Return the object called `name`."""
        return next(part for part in self.parts if part.key == f"{BASES}/{self.id}/{name}")

    @property
    def size(self) -> int:
        """Return how much lies in the store, in bytes, without media and changes."""
        return sum(part.size for part in self.parts)


@dataclass(frozen=True, slots=True)
class MediaList:
    """Which media there were from `started_at` on, and still when last `seen_at`."""

    id: str
    started_at: datetime
    seen_at: datetime
    objects: int
    size: int
    part: Part


def new_id(now: datetime) -> str:
    """Return a name that sorts by time."""
    return now.astimezone(UTC).strftime("%Y%m%dT%H%M%S.") + f"{now.microsecond // 1000:03d}Z"


def media_key(sha256: str) -> str:
    """Return where media of this content lie."""
    return f"{MEDIA}/{sha256[:2]}/{sha256}.age"


def write(store: BackupStore, found: Base | MediaList) -> None:
    """Write the manifest, which makes `found` count."""
    folder = BASES if isinstance(found, Base) else LISTS
    values = {"format": FORMAT, **asdict(found)}
    data = json.dumps(values, default=_plain, indent=1).encode()
    with store.writing(f"{folder}/{found.id}/manifest.json") as target:
        target.write(data)


def list_bases(store: BackupStore) -> list[Base]:
    """Return the finished backups of the database, oldest first."""
    return [_base(values) for values in _manifests(store, BASES)]


def list_media(store: BackupStore) -> list[MediaList]:
    """Return the finished lists of media, oldest first."""
    return [_media_list(values) for values in _manifests(store, LISTS)]


def find_base(store: BackupStore, base_id: str) -> Base | None:
    """Return the finished backup called `base_id`, None when there is none."""
    values = _read(store, f"{BASES}/{base_id}/manifest.json")
    return None if values is None else _base(values)


def find_list(store: BackupStore, list_id: str) -> MediaList | None:
    """Return the finished list called `list_id`, None when there is none."""
    values = _read(store, f"{LISTS}/{list_id}/manifest.json")
    return None if values is None else _media_list(values)


def read_objects(store: BackupStore, one: MediaList, shard: str) -> Iterator[str]:
    """Yield the hashes in a list that begin with `shard`."""
    with store.open(f"{LISTS}/{one.id}/{OBJECTS_NAME}") as kept:
        block = b""
        while more := kept.read(CHUNK_BYTES):
            block += more  # a bucket may answer with less than was asked for
            whole = len(block) - len(block) % HASH_BYTES
            for start in range(0, whole, HASH_BYTES):
                name = block[start : start + HASH_BYTES].hex()
                if name[0] == shard:
                    yield name
            block = block[whole:]


def unfinished(store: BackupStore) -> Iterator[str]:
    """Yield the folders of backups and lists that were begun and have no manifest."""
    for folder in (BASES, LISTS):
        for name in store.list_folders(folder):
            if ID.fullmatch(name) and store.size(f"{folder}/{name}/manifest.json") is None:
                yield f"{folder}/{name}"


def started_at(folder: str) -> datetime:
    """Return when the backup or list in `folder` was begun, by its name."""
    name = folder.rpartition("/")[2]
    return datetime.strptime(name, "%Y%m%dT%H%M%S.%fZ").replace(tzinfo=UTC)


def _manifests(store: BackupStore, folder: str) -> Iterator[dict[str, Any]]:
    for name in store.list_folders(folder):
        if ID.fullmatch(name) and (values := _read(store, f"{folder}/{name}/manifest.json")):
            yield values


def _read(store: BackupStore, key: str) -> dict[str, Any] | None:
    try:
        with store.open(key) as kept:
            data = kept.read(MAX_MANIFEST_BYTES)
    except NotFound:
        return None
    try:
        values: dict[str, Any] = json.loads(data)
    except ValueError as error:
        raise BackupError(f"{key} is damaged: {error}.") from error
    if values.pop("format", None) != FORMAT:
        raise BackupError(f"{key} was written by another version; restore it with that one.")
    return values


def _base(values: dict[str, Any]) -> Base:
    parts = tuple(Part(**part) for part in values.pop("parts"))
    return Base(**_with_times(values), parts=parts)


def _media_list(values: dict[str, Any]) -> MediaList:
    part = Part(**values.pop("part"))
    return MediaList(**_with_times(values), part=part)


def _with_times(values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: datetime.fromisoformat(value) if name.endswith("_at") else value
        for name, value in values.items()
    }


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"a manifest holds no {type(value).__name__}")
