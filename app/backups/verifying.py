"""Whether what lies in a store is still what was put there and, with an identity, opens, too."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from app.backups import catalog, wal
from app.backups.catalog import Base, MediaList
from app.backups.media import read_lines
from app.backups.sealing import CHUNK_BYTES, Identities, Part, Writing, unseal
from app.backups.trouble import BackupError
from app.errors import NotFound
from app.integrations.backup_store import BackupStore


class _Nowhere:
    """Takes everything and keeps nothing."""

    def write(self, data: bytes) -> int:
        """Let `data` go."""
        return len(data)


def faults_of(store: BackupStore, base: Base, identities: Identities) -> Iterator[str]:
    """Yield what is wrong with `base`, the media of its time and the changes since.

    Without identities, sizes and hashes of what is sealed are compared; with them it is opened.
    """
    lists = [one for one in catalog.list_media(store) if one.seen_at >= base.finished_at][:1]
    if not lists:
        yield "no list of media was finished since"
    for part in (*base.parts, *(one.part for one in lists)):
        yield from _fault_of_part(store, part, identities)
    for one in lists:
        yield from _faults_of_media(store, one, identities)
    last = wal.segment_of(base.end_lsn, base.timeline, base.segment_bytes)
    if gap := wal.find_gap(store, last, base.segment_bytes):
        yield f"the archived changes lack {gap}"


def _fault_of_part(store: BackupStore, part: Part, identities: Identities) -> Iterator[str]:
    try:
        if identities:
            unseal(store, part.key, _Nowhere(), identities, part.sha256)
            return
        digest = hashlib.sha256()
        with store.open(part.key) as kept:
            while data := kept.read(CHUNK_BYTES):
                digest.update(data)
    except (BackupError, NotFound) as error:
        yield str(error)
        return
    if digest.hexdigest() != part.sha256:
        yield f"{part.key} is not what was backed up: its hash differs"


def _faults_of_media(store: BackupStore, one: MediaList, identities: Identities) -> Iterator[str]:
    if not identities:
        yield from _missing(store, one)
        return
    with TemporaryDirectory(prefix="verify-") as folder:
        path = Path(folder) / "media.tsv"
        try:
            with path.open("wb") as file:
                unseal(store, one.part.key, file, identities)
        except (BackupError, NotFound):
            return  # said of the part already
        for line in read_lines(path):
            writing = Writing(_Nowhere())
            try:
                unseal(store, catalog.media_key(line.sha256), writing, identities)
            except (BackupError, NotFound) as error:
                yield f"{line.key}: {error}"
                continue
            if writing.sha256 != line.sha256:
                yield f"{line.key} is not what was backed up: its hash differs"


def _missing(store: BackupStore, one: MediaList) -> Iterator[str]:
    for shard in catalog.SHARDS:
        for name in sorted(set(catalog.read_objects(store, one, shard))):
            if not store.size(catalog.media_key(name)):
                yield f"{catalog.media_key(name)} is missing"
