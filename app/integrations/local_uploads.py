"""Uploads in parts into a directory of this machine.

The parts are written at their places in one file, so completing is a rename however large it is.
A part counts once its marker is written, after its bytes have reached the disk.
"""

import fcntl
import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from app.errors import InvalidInput, NotFound, StorageFull
from app.integrations.local_files import sync_folder, translated
from app.integrations.storage import check_key
from app.integrations.uploads import OpenUpload, Part, Plan

FOLDER = ".uploads"
CHUNK_BYTES = 1024**2
SPARE_BYTES = 256 * 1024**2
BLOCK_BYTES = 512  # of st_blocks, whatever the file system's are


class LocalUploads:
    """Keeps what has arrived of each upload in a folder of its own below `root`."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    def begin(self, plan: Plan) -> str:
        """Make the upload's folder. Raises StorageFull when the object cannot fit."""
        check_key(plan.key)
        upload = uuid.uuid4().hex
        folder = self._root / FOLDER / upload
        with translated():
            if self.free_bytes() < plan.size_bytes:
                raise StorageFull
            folder.mkdir(parents=True)
            values = {
                "key": plan.key,
                "content_type": plan.content_type,
                "size_bytes": plan.size_bytes,
                "part_size_bytes": plan.part_size_bytes,
            }
            _write_whole(folder / "plan.json", json.dumps(values))
            (folder / "data").touch()
        return upload

    def free_bytes(self) -> int:
        """Return how large an object may be begun now: the disk's room, less what is promised.

        What other uploads still wait for is promised; what they have written is in use already.
        """
        with translated():
            self._root.mkdir(parents=True, exist_ok=True)
            free = shutil.disk_usage(self._root).free
            return max(0, free - SPARE_BYTES - self._promised_bytes())

    def part_url(self, key: str, upload: str, number: int, lifetime_seconds: int) -> str | None:  # noqa: ARG002
        """Return None: the application has an address of its own for parts."""
        return None

    def put_part(self, key: str, upload: str, number: int, body: BinaryIO) -> Part:
        """Write a part from `body`, in constant memory; an earlier one of its number is replaced.

        Raises NotFound, StorageFull, and InvalidInput naming `part` when its length is wrong.
        """
        folder, plan = self._find(key, upload)
        try:
            size = plan.size_of(number)
        except ValueError:
            raise InvalidInput({"part": f"Send parts 1 to {plan.part_count}."}) from None
        turn = _Turn(folder, number)
        with translated():
            turn.begin()
            offset = (number - 1) * plan.part_size_bytes
            digest, written = _write_at(turn, offset, body, size)
            if written != size or body.read(1):
                raise InvalidInput({"part": f"Part {number} has {size} bytes; others arrived."})
            part = Part(number, digest, size)
            turn.end({"etag": part.etag, "size_bytes": part.size_bytes})
        return part

    def list_parts(self, key: str, upload: str) -> list[Part]:
        """Return the parts that are whole on the disk, by number. Raises NotFound."""
        folder, _ = self._find(key, upload)
        found = []
        for marker in sorted(folder.glob("[0-9]*.json")):
            with translated(), _gone_is_nothing():
                values = json.loads(marker.read_text())
                found.append(Part(int(marker.stem), values["etag"], values["size_bytes"]))
        return found

    def complete(self, key: str, upload: str, parts: Sequence[Part]) -> None:
        """Put the object in its place. Raises NotFound, InvalidInput naming `parts`."""
        folder, plan = self._find(key, upload)
        wanted = [(part.number, part.etag) for part in parts]
        target = self._root / check_key(key)
        # Under the lock, so that no part is replaced between the look at it and the rename.
        with translated(), _held(folder):
            arrived = self.list_parts(key, upload)
            if [(part.number, part.etag) for part in arrived] != wanted or (
                len(arrived) != plan.part_count
            ):
                raise InvalidInput(
                    {"parts": "Some parts are missing or are not the ones that arrived."}
                )
            target.parent.mkdir(parents=True, exist_ok=True)
            (folder / "data").replace(target)
            sync_folder(target.parent)
            _remove(folder)

    def abort(self, key: str, upload: str) -> None:
        """Remove what has arrived; removing it twice changes nothing."""
        folder = self._root / FOLDER / upload
        with translated(), _gone_is_nothing():
            is_named = upload.isalnum() and folder.is_dir()
            if is_named and json.loads((folder / "plan.json").read_text())["key"] == key:
                with _locked(folder):
                    _remove(folder)

    def list_open(self, prefix: str) -> list[OpenUpload]:
        """Return the uploads under way in the folder `prefix`."""
        found = []
        for path in sorted((self._root / FOLDER).glob("*/plan.json")):
            with _gone_is_nothing():
                key = json.loads(path.read_text())["key"]
                began_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
                if key.startswith(f"{check_key(prefix)}/"):
                    found.append(OpenUpload(key, path.parent.name, began_at))
        return found

    def _promised_bytes(self) -> int:
        promised = 0
        for path in (self._root / FOLDER).glob("*/plan.json"):
            with _gone_is_nothing():
                size = int(json.loads(path.read_text())["size_bytes"])
                written = (path.parent / "data").stat().st_blocks * BLOCK_BYTES  # it is sparse
                promised += max(0, size - written)
        return promised

    def _find(self, key: str, upload: str) -> tuple[Path, Plan]:
        folder = self._root / FOLDER / upload
        if not upload.isalnum() or not (folder / "data").is_file():
            raise NotFound
        try:
            values = json.loads((folder / "plan.json").read_text())
        except FileNotFoundError as error:
            raise NotFound from error
        if values["key"] != key:
            raise NotFound
        return folder, Plan(**values)


class _Turn:
    """One attempt to write a part.

    Of two attempts at the same part the later one wins: the earlier stops at its next chunk, so
    that what a marker says is what is on the disk. After the end of the upload nobody writes.
    """

    def __init__(self, folder: Path, number: int) -> None:
        self.folder = folder
        self._name = uuid.uuid4().hex
        self._turn = folder / f"{number:05d}.turn"
        self._marker = folder / f"{number:05d}.json"

    def begin(self) -> None:
        """Take the part over; what an earlier attempt brought counts no more. Raises NotFound."""
        with _held(self.folder):
            self._marker.unlink(missing_ok=True)
            self._turn.write_text(self._name)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep others from the upload for the block. Raises NotFound, InvalidInput."""
        with _held(self.folder):
            if self._turn.read_text() != self._name:
                raise InvalidInput({"part": "A later attempt at this part has taken over."})
            yield

    def end(self, values: dict[str, object]) -> None:
        """Let the part count."""
        with self.held():
            _write_whole(self._marker, json.dumps(values))
            self._turn.unlink()


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Hold the lock of an upload for the block. Raises NotFound once it has ended."""
    try:
        with _locked(folder):
            if not (folder / "data").exists():
                raise NotFound
            yield
    except FileNotFoundError as error:
        raise NotFound from error


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep every other thread and process from the upload's files for the block."""
    with (folder / "plan.json").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _remove(folder: Path) -> None:
    """Remove an upload, its plan last: what a crash leaves of it can be found, and removed."""
    for path in folder.iterdir():
        if path.name != "plan.json":
            path.unlink(missing_ok=True)
    (folder / "plan.json").unlink()
    folder.rmdir()


@contextmanager
def _gone_is_nothing() -> Iterator[None]:
    """Pass over what another request has removed this moment."""
    try:
        yield
    except FileNotFoundError:
        return


def _write_at(turn: _Turn, offset: int, body: BinaryIO, size: int) -> tuple[str, int]:
    """Copy up to `size` bytes to their place; return their digest and how many came."""
    digest, written = hashlib.sha256(), 0  # processors have it built in: faster than MD5
    with (turn.folder / "data").open("r+b", buffering=0) as file:
        while written < size and (chunk := body.read(min(CHUNK_BYTES, size - written))):
            with turn.held():
                _write_all(file.fileno(), chunk, offset + written)
            digest.update(chunk)
            written += len(chunk)
        os.fsync(file.fileno())
    return digest.hexdigest(), written


def _write_all(descriptor: int, chunk: bytes, offset: int) -> None:
    rest = memoryview(chunk)
    while rest:
        count = os.pwrite(descriptor, rest, offset)
        rest, offset = rest[count:], offset + count


def _write_whole(path: Path, text: str) -> None:
    temporary = path.with_suffix(f".{uuid.uuid4().hex}")
    temporary.write_text(text)
    temporary.replace(path)
