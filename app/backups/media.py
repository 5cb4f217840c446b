"""Media into the store, each content once, and lists of which there were; and back out of it.

A list is sorted by key, and so is the walk through the storage: the two are merged line by line,
and what has neither size nor time changed since the last list is not read again.
"""

import heapq
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from app.backups import catalog
from app.backups.catalog import LIST_NAME, OBJECTS_NAME, MediaList
from app.backups.sealing import (
    CHUNK_BYTES,
    Identities,
    Reading,
    Recipients,
    Writing,
    seal,
    seal_into,
    unseal,
)
from app.backups.trouble import BackupError
from app.clock import utcnow
from app.errors import NotFound
from app.integrations.backup_store import BackupStore
from app.integrations.storage import Storage, check_key
from app.integrations.stored import Stored

ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Line:
    """An object of the storage and what it held."""

    key: str
    size: int
    changed_at: datetime
    sha256: str

    def __str__(self) -> str:
        return f"{self.sha256}\t{self.size}\t{self.changed_at.isoformat()}\t{self.key}\n"


def read_lines(path: Path) -> Iterator[Line]:
    """Yield what a list says."""
    with path.open(encoding="utf-8") as file:
        for line in file:
            sha256, size, changed_at, key = line.rstrip("\n").split("\t")
            yield Line(key, int(size), datetime.fromisoformat(changed_at), sha256)


@dataclass(frozen=True)
class Sync:
    """Brings the media of a storage into a store. `cache` is a folder of this machine."""

    storage: Storage
    store: BackupStore
    recipients: Recipients
    cache: Path

    def run(self) -> MediaList:
        """Send what is new, write the list of what there is, and return its manifest.

        Without a change since the last list, that one is said to hold until now. Killed between
        any two steps, what was sent stays and the next run sends the rest.
        """
        started_at = utcnow()
        self.cache.mkdir(parents=True, exist_ok=True, mode=0o700)
        known, last = self._last()
        draft = self.cache / ".part-media.tsv"
        count, size, is_changed = 0, 0, last is None
        with draft.open("w", encoding="utf-8") as file:
            for line, is_new in self._lines(known):
                file.write(str(line))
                count, size, is_changed = count + 1, size + line.size, is_changed or is_new
        if last is not None and not is_changed and last.objects == count:
            draft.unlink()
            last = replace(last, seen_at=utcnow())
            catalog.write(self.store, last)
            return last
        return self._publish(draft, started_at, count, size)

    def _publish(self, draft: Path, started_at: datetime, count: int, size: int) -> MediaList:
        list_id = catalog.new_id(started_at)
        folder = f"{catalog.LISTS}/{list_id}"
        with self.store.writing(f"{folder}/{OBJECTS_NAME}") as target:
            for line in read_lines(draft):
                target.write(bytes.fromhex(line.sha256))
        with draft.open("rb") as source:
            part = seal(self.store, f"{folder}/{LIST_NAME}", source, self.recipients)
        made = MediaList(list_id, started_at, utcnow(), count, size, part)
        catalog.write(self.store, made)
        for old in self.cache.glob("media-*.tsv"):
            old.unlink()
        draft.replace(self.cache / f"media-{list_id}.tsv")
        return made

    def _last(self) -> tuple[Path | None, MediaList | None]:
        """Return the list this machine wrote last, if the store still has it."""
        for path in self.cache.glob("media-*.tsv"):
            list_id = path.stem.removeprefix("media-")
            if found := catalog.find_list(self.store, list_id):
                return path, found
        return None, None

    def _lines(self, known: Path | None) -> Iterator[tuple[Line, bool]]:
        """Yield a line for each object there is, and whether the last list has no such line."""
        old_lines = iter(read_lines(known)) if known else iter(())
        old = next(old_lines, None)
        for stored in self.storage.list_objects():
            while old and old.key < stored.key:
                old = next(old_lines, None)
            if old and (old.key, old.size, old.changed_at) == _facts(stored):
                yield old, False
                continue
            with suppress(NotFound):  # deleted since it was listed
                yield self._send(stored), True

    def _send(self, stored: Stored) -> Line:
        for _ in range(ATTEMPTS):
            with suppress(_Changed), self._file(stored.key) as file:
                digest = _hash(file)
                if self.store.size(catalog.media_key(digest)) is None:
                    file.seek(0)
                    self._seal(file, digest)
                return Line(stored.key, stored.size, stored.changed_at, digest)
        raise BackupError(f"{stored.key} changes while it is read; try again later.")

    def _seal(self, file: BinaryIO, digest: str) -> None:
        """Keep `file` under the key that says what it holds. Raises _Changed."""
        with self.store.writing(catalog.media_key(digest)) as target:
            reading = Reading(file)
            seal_into(target, reading, self.recipients)
            _require(reading, digest)

    @contextmanager
    def _file(self, key: str) -> Iterator[BinaryIO]:
        """Open the object so that it can be read twice: in place, or fetched to this machine."""
        with ExitStack() as stack:
            path = self.storage.local_path(key)
            if path is not None:
                yield stack.enter_context(self.storage.open(key))
                return
            fetched = Path(stack.enter_context(TemporaryDirectory(dir=self.cache))) / "object"
            self.storage.fetch_to(key, fetched)
            yield stack.enter_context(fetched.open("rb"))


class _Changed(Exception):
    """The object is no longer what it was hashed as."""


def _hash(file: BinaryIO) -> str:
    reading = Reading(file)
    while reading.read(CHUNK_BYTES):
        pass
    return reading.sha256


def _require(reading: Reading, digest: str) -> None:
    if reading.sha256 != digest:
        raise _Changed


def _facts(stored: Stored) -> tuple[str, int, datetime]:
    return stored.key, stored.size, stored.changed_at


def lists_of(
    lists: Sequence[MediaList], base_at: datetime, moment: datetime | None
) -> list[MediaList]:
    """Return the lists that together name whatever there was at `moment` (None: at the end).

    What was deleted soon after is in the list before, what came shortly before in the one after.
    """
    end = moment or max((one.seen_at for one in lists), default=base_at)
    before = [one for one in lists if one.started_at <= base_at][-1:]
    until = [one for one in lists if one.started_at <= end][-1:]
    after = [one for one in lists if one.seen_at >= end][:1]
    chosen = {one.id: one for one in (*before, *until, *after)}
    return [chosen[list_id] for list_id in sorted(chosen)]


@dataclass(frozen=True)
class Recall:
    """Brings media back out of a store into a folder, every hash compared on the way."""

    store: BackupStore
    identities: Identities

    def run(self, lists: Sequence[MediaList], target: Path, work: Path) -> tuple[int, int]:
        """Write what `lists` name below `target`; return how many objects and bytes there are.

        `work` is a folder for the lists. Raises BackupError for what is missing or damaged.
        """
        files = []
        for one in lists:
            files.append(work / f"{one.id}.tsv")
            with files[-1].open("wb") as file:
                unseal(self.store, one.part.key, file, self.identities, one.part.sha256)
        count = size = 0
        written = None
        newest_first = heapq.merge(*map(read_lines, reversed(files)), key=lambda line: line.key)
        for line in newest_first:
            if line.key == written:
                continue
            written = line.key
            self._fetch(line, target / _checked(line.key))
            count, size = count + 1, size + line.size
        return count, size

    def _fetch(self, line: Line, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            writing = Writing(file)
            try:
                unseal(self.store, catalog.media_key(line.sha256), writing, self.identities)
            except NotFound as error:
                raise BackupError(f"{line.key} is missing from the backup: {error}") from error
        if writing.sha256 != line.sha256:
            raise BackupError(f"{line.key} is not what was backed up: its hash differs.")


def _checked(key: str) -> str:
    try:
        return check_key(key)
    except ValueError as error:
        raise BackupError(f"The list of media names what is no key: {key!r}") from error
