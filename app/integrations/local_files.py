"""What the local clients share: the system's errors in our words, and renames that last."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.errors import StorageFull, StorageUnavailable

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
