"""Scratch folders of running transcodes. A folder outlives a killed worker only until the sweep."""

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.errors import StorageFull

_LOCK_NAME = "lock"


@contextmanager
def folder(root: Path, name: str) -> Iterator[Path]:
    """Give an empty folder `root/name`, removed at the end. Raises StorageFull.

    It is held by a file lock, which the kernel releases however the process ends.
    """
    path = root.resolve() / name
    try:
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        lock = (path / _LOCK_NAME).open("wb")
    except OSError as error:
        raise StorageFull(f"No scratch folder can be made: {error.strerror}.") from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)


def sweep(root: Path) -> int:
    """Remove the folders below `root` that no running process holds; return how many."""
    removed = 0
    for path in root.glob("*/"):
        try:
            lock = (path / _LOCK_NAME).open("rb")
        except OSError:
            continue  # being made or removed this moment
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                continue
            shutil.rmtree(path, ignore_errors=True)
            removed += 1
    return removed
