"""Storage in a directory of this machine: the demo's and small installations' twin of S3."""

import os
import shutil
import stat
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from app.errors import NotFound
from app.integrations.local_files import sync_folder, translate, translated, walk
from app.integrations.local_uploads import LocalUploads
from app.integrations.storage import check_key
from app.integrations.stored import Stored

_TEMPORARY = ".part-"


class LocalStorage:
    """Keeps each object in a file below `root`; symbolic links are never followed."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self.uploads = LocalUploads(root)

    def put_file(self, key: str, path: Path, content_type: str) -> None:  # noqa: ARG002
        """Copy the file at `path` in. Raises StorageFull, StorageUnavailable."""
        with path.open("rb") as source:
            self._write(key, lambda target: shutil.copyfileobj(source, target, 1 << 20))

    def put_bytes(self, key: str, data: bytes, content_type: str) -> None:  # noqa: ARG002
        """Write `data`. Raises StorageFull, StorageUnavailable."""
        self._write(key, lambda target: target.write(data))

    @contextmanager
    def open(self, key: str) -> Iterator[BinaryIO]:
        """Open the object for reading. Raises NotFound."""
        path = self._path(key)
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise NotFound(f"Nothing is stored as {key}.") from error
        except OSError as error:
            raise translate(error) from error
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise NotFound(f"Nothing is stored as {key}.")
        with os.fdopen(descriptor, "rb") as file:
            yield file

    def fetch_to(self, key: str, path: Path) -> None:
        """Copy the object to `path`. Raises NotFound, StorageFull."""
        with self.open(key) as source:
            try:
                with path.open("wb") as target:
                    shutil.copyfileobj(source, target, 1 << 20)
            except OSError as error:
                path.unlink(missing_ok=True)
                raise translate(error) from error

    def size(self, key: str) -> int:
        """Return the object's size in bytes. Raises NotFound."""
        with self.open(key) as file:
            return os.fstat(file.fileno()).st_size

    def delete_prefix(self, prefix: str) -> int:
        """Remove the folder `prefix` and all in it; return how many objects went."""
        folder = self._path(prefix)
        count = len(self.list_keys(prefix))
        try:
            shutil.rmtree(folder)
        except (FileNotFoundError, NotADirectoryError):
            return 0
        except OSError as error:
            raise translate(error) from error
        return count

    def list_keys(self, prefix: str) -> list[str]:
        """Return the keys in the folder `prefix`, sorted."""
        keys = []
        for folder, _, names in os.walk(self._path(prefix), followlinks=False):
            base = Path(folder).relative_to(self._root)
            keys += [str(base / name) for name in names if not name.startswith(_TEMPORARY)]
        return sorted(keys)

    def list_objects(self, prefix: str = "") -> Iterator[Stored]:
        """Yield what lies in the folder `prefix`, one folder's names in memory at a time."""
        with translated():
            yield from walk(self._path(prefix) if prefix else self._root, prefix)

    def list_folders(self, prefix: str) -> Iterator[str]:
        """Yield the names of the folders right below `prefix`."""
        try:
            with os.scandir(self._path(prefix)) as entries:
                yield from (e.name for e in entries if e.is_dir(follow_symlinks=False))
        except FileNotFoundError:
            return

    def changed_at(self, prefix: str) -> datetime | None:
        """Return when something in the folder `prefix` last came, went or was written."""
        newest = 0.0
        for folder, _, names in os.walk(self._path(prefix), followlinks=False):
            for path in (Path(folder), *(Path(folder) / name for name in names)):
                with suppress(FileNotFoundError):
                    newest = max(newest, path.lstat().st_mtime)
        return datetime.fromtimestamp(newest, UTC) if newest else None

    def local_path(self, key: str) -> Path | None:
        """Return the path of the object, or None when nothing is stored under `key`."""
        path = self._path(key)
        return path if path.is_file() else None

    def _path(self, key: str) -> Path:
        path = self._root / check_key(key)
        if path.resolve() != path:
            raise ValueError(f"storage key leads out of the storage: {key!r}")
        return path

    def _write(self, key: str, write: Callable[[BinaryIO], object]) -> None:
        path = self._path(key)
        temporary = path.with_name(f"{_TEMPORARY}{uuid.uuid4().hex}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("xb") as target:
                write(target)
                target.flush()
                os.fsync(target.fileno())
            temporary.replace(path)
            sync_folder(path.parent)
        except OSError as error:
            raise translate(error) from error
        finally:
            with suppress(FileNotFoundError, NotADirectoryError):
                temporary.unlink()
