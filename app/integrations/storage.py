"""The storage role: named byte objects in a bucket or a directory.

Keys are slash-separated generated names; prefixes are whole folders, so `media/1` never covers
`media/10`. The clients live in `local_storage` and `s3_storage`.
"""

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Protocol

from app.integrations.stored import Stored
from app.integrations.uploads import Uploads

_KEY = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")
_MAX_KEY_LENGTH = 512


class Storage(Protocol):
    """Stores and returns objects by key. A written object is whole or absent, never half."""

    @property
    def uploads(self) -> Uploads:
        """Take large objects in parts, from a browser or a script."""
        ...

    def put_file(self, key: str, path: Path, content_type: str) -> None:
        """Store the file at `path` under `key`. Raises StorageFull, StorageUnavailable."""
        ...

    def put_bytes(self, key: str, data: bytes, content_type: str) -> None:
        """Store `data` under `key`. Raises StorageFull, StorageUnavailable."""
        ...

    def open(self, key: str) -> AbstractContextManager[BinaryIO]:
        """Open the object for reading, forward only. Raises NotFound, StorageUnavailable."""
        ...

    def fetch_to(self, key: str, path: Path) -> None:
        """Copy the object to `path`. Raises NotFound, StorageFull, StorageUnavailable."""
        ...

    def size(self, key: str) -> int:
        """Return the object's size in bytes. Raises NotFound, StorageUnavailable."""
        ...

    def delete_prefix(self, prefix: str) -> int:
        """Delete everything in the folder `prefix`; return how many objects went."""
        ...

    def list_keys(self, prefix: str) -> list[str]:
        """Return the keys in the folder `prefix`, at any depth, sorted."""
        ...

    def list_objects(self, prefix: str = "") -> Iterator[Stored]:
        """Yield what lies in the folder `prefix` (default: everywhere), sorted by key."""
        ...

    def list_folders(self, prefix: str) -> Iterator[str]:
        """Yield the names of the folders right below `prefix`, in no order."""
        ...

    def changed_at(self, prefix: str) -> datetime | None:
        """Return when something in the folder `prefix` was last written; None for nothing."""
        ...

    def local_path(self, key: str) -> Path | None:
        """Return the object's path when it is a file of this machine, else None."""
        ...


def check_key(key: str) -> str:
    """Return `key` when it is a well-formed name; raises ValueError (a programming error)."""
    if len(key) > _MAX_KEY_LENGTH or not _KEY.fullmatch(key):
        raise ValueError(f"not a storage key: {key!r}")
    return key
