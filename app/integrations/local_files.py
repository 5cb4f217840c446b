"""What the local clients share: the system's errors in our words, renames that last, listings."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from app.errors import StorageFull, StorageUnavailable
from app.integrations.stored import Stored

_FULL = (errno.ENOSPC, errno.EDQUOT)


def translate(error: OSError) -> StorageFull | StorageUnavailable:
    """Return what an error of the file system means for storage."""
    if error.errno in _FULL:
        return StorageFull()
    return StorageUnavailable(f"The storage does not answer: {error.strerror}.")


@contextmanager
def translated() -> Iterator[None]:
    """Raise StorageFull and StorageUnavailable in place of the file system's errors."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise translate(error) from error


def sync_folder(folder: Path) -> None:
    """Have the names in `folder` reach the disk, so that a rename outlives a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    path: Path
    is_folder: bool

    @property
    def order(self) -> str:
        """What keys sort by: folders stand where their slash puts them."""
        return f"{self.name}/" if self.is_folder else self.name


def walk(folder: Path, prefix: str) -> Iterator[Stored]:
    """Yield the files below `folder` with `prefix` before their names, sorted as keys are.

    Raises FileNotFoundError for nothing; what vanishes on the way is passed over.
    """
    try:
        with os.scandir(folder) as found:
            entries = [
                _Entry(e.name, Path(e.path), e.is_dir(follow_symlinks=False))
                for e in found
                if not e.name.startswith(".") and not e.is_symlink()
            ]
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in sorted(entries, key=lambda entry: entry.order):
        key = f"{prefix}/{entry.name}" if prefix else entry.name
        if entry.is_folder:
            yield from walk(entry.path, key)
            continue
        with suppress(FileNotFoundError):
            status = entry.path.stat()
            yield Stored(key, status.st_size, datetime.fromtimestamp(status.st_mtime, UTC))
