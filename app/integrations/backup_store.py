"""Where backups lie: a folder on another disk or a bucket. Objects are streams, whole or absent.

Keys are slash-separated; what lies below which key is the business of `app/backups`.
"""

import os
import re
import stat
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Protocol
from urllib.parse import unquote, urlsplit

from app.config import ConfigurationError, Settings
from app.errors import NotFound, StorageUnavailable
from app.integrations.local_files import sync_folder, translated, walk
from app.integrations.s3_backup_store import S3BackupStore
from app.integrations.stored import Stored

_PART = ".part-"
_KEY = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")


class BackupStore(Protocol):
    """Keeps and returns streams by key."""

    def writing(self, key: str) -> AbstractContextManager[BinaryIO]:
        """Give a stream for the block; what was written is there once the block has ended well.

        Raises StorageFull, StorageUnavailable.
        """
        ...

    def open(self, key: str) -> AbstractContextManager[BinaryIO]:
        """Open what is kept as `key`, forward only. Raises NotFound, StorageUnavailable."""
        ...

    def size(self, key: str) -> int | None:
        """Return the size in bytes, None when nothing is kept as `key`."""
        ...

    def list_objects(self, prefix: str) -> Iterator[Stored]:
        """Yield what lies below the folder `prefix`, at any depth, sorted by key."""
        ...

    def list_folders(self, prefix: str) -> list[str]:
        """Return the names of the folders right below `prefix`, sorted."""
        ...

    def delete(self, key: str) -> None:
        """Remove `key`, if it is there."""
        ...

    def forget_unfinished(self, before: datetime) -> int:
        """Remove what writers killed before that time left; return how many there were."""
        ...


def open_store(url: str, settings: Settings) -> BackupStore:
    """Return the store at `url`. Raises ConfigurationError for what is no place of a kind known."""
    parts = urlsplit(url)
    if parts.scheme == "file" and parts.netloc in ("", "localhost") and parts.path.strip("/"):
        return FolderStore(Path(unquote(parts.path)))
    if parts.scheme == "s3" and parts.netloc:
        return S3BackupStore(settings, parts.netloc, unquote(parts.path).strip("/"))
    raise ConfigurationError(
        f"{url or 'BACKUP_URL'}: a place for backups looks like file:///folder or s3://bucket/prefix"
    )


class FolderStore:
    """Keeps each object in a file below `root`, which must be there: it may be a mounted disk."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @contextmanager
    def writing(self, key: str) -> Iterator[BinaryIO]:
        """Write to a file beside, which takes its name when it has reached the disk."""
        path = self._path(key)
        temporary = path.with_name(f"{_PART}{path.name}")
        with translated():
            self._make_folder(path.parent)
            try:
                with temporary.open("wb") as target:
                    yield target
                    target.flush()
                    os.fsync(target.fileno())
                temporary.replace(path)
                sync_folder(path.parent)
            finally:
                with suppress(FileNotFoundError):
                    temporary.unlink()

    @contextmanager
    def open(self, key: str) -> Iterator[BinaryIO]:
        """Open the file."""
        path = self._path(key)
        try:
            file = path.open("rb")
        except FileNotFoundError as error:
            raise NotFound(f"{path} is missing.") from error
        except OSError as error:
            raise StorageUnavailable(f"{path} cannot be read: {error.strerror}.") from error
        with file:
            yield file

    def size(self, key: str) -> int | None:
        """Return the file's size."""
        try:
            found = self._path(key).stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return found.st_size if stat.S_ISREG(found.st_mode) else None

    def list_objects(self, prefix: str) -> Iterator[Stored]:
        """Yield the files, holding one folder's names at a time."""
        with translated():
            yield from walk(self._path(prefix), prefix)

    def list_folders(self, prefix: str) -> list[str]:
        """Return the folders' names."""
        try:
            with translated(), os.scandir(self._path(prefix)) as entries:
                return sorted(e.name for e in entries if e.is_dir(follow_symlinks=False))
        except FileNotFoundError:
            return []

    def delete(self, key: str) -> None:
        """Remove the file, and its folder when it was the last in it."""
        path = self._path(key)
        with translated():
            path.unlink(missing_ok=True)
            _remove_empty(path.parent, self._root)

    def forget_unfinished(self, before: datetime) -> int:
        """Remove the files that never got their names."""
        removed = 0
        with translated():
            for path in list(self._root.rglob(f"{_PART}*")):
                with suppress(FileNotFoundError):
                    if path.stat().st_mtime < before.timestamp():
                        path.unlink()
                        removed += 1
                        _remove_empty(path.parent, self._root)
        return removed

    def _path(self, key: str) -> Path:
        if not _KEY.fullmatch(key):
            raise ValueError(f"not a key of a backup: {key!r}")
        if not self._root.is_dir():
            raise StorageUnavailable(
                f"{self._root} is not there: mount its disk, or make the folder."
            )
        return self._root / key

    def _make_folder(self, folder: Path) -> None:
        """Make `folder` below the root such that its name outlives a power cut."""
        missing = [f for f in (folder, *folder.parents) if f.is_relative_to(self._root)]
        for one in reversed([f for f in missing if not f.is_dir()]):
            one.mkdir(exist_ok=True)
            sync_folder(one.parent)


def _remove_empty(folder: Path, root: Path) -> None:
    """Remove `folder` and those above it while they are empty; the first below `root` stays."""
    while folder.parent not in (root, folder):
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent
