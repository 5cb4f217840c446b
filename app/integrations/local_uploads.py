"""Uploads in parts into a directory of this machine.

The parts are written at their places in one file, so completing is a rename however large it is.
A part counts once its marker is written, after its bytes have reached the disk.
"""

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
            folder.mkdir(parents=True)
            if shutil.disk_usage(folder).free < plan.size_bytes + SPARE_BYTES:
                folder.rmdir()
                raise StorageFull
            (folder / "data").touch()
            values = {
                "key": plan.key,
                "content_type": plan.content_type,
                "size_bytes": plan.size_bytes,
                "part_size_bytes": plan.part_size_bytes,
            }
            _write_whole(folder / "plan.json", json.dumps(values))
        return upload

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
        with translated():
            marker = folder / f"{number:05d}.json"
            marker.unlink(missing_ok=True)
            offset = (number - 1) * plan.part_size_bytes
            digest, written = _write_at(folder / "data", offset, body, size)
            if written != size or body.read(1):
                raise InvalidInput({"part": f"Part {number} has {size} bytes; others arrived."})
            part = Part(number, digest, size)
            _write_whole(marker, json.dumps({"etag": part.etag, "size_bytes": part.size_bytes}))
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
        arrived = self.list_parts(key, upload)
        wanted = [(part.number, part.etag) for part in parts]
        if [(part.number, part.etag) for part in arrived] != wanted or (
            len(arrived) != plan.part_count
        ):
            raise InvalidInput(
                {"parts": "Some parts are missing or are not the ones that arrived."}
            )
        target = self._root / check_key(key)
        with translated():
            target.parent.mkdir(parents=True, exist_ok=True)
            (folder / "data").replace(target)
            sync_folder(target.parent)
            shutil.rmtree(folder)

    def abort(self, key: str, upload: str) -> None:
        """Remove what has arrived; removing it twice changes nothing."""
        try:
            folder, _ = self._find(key, upload)
        except NotFound:
            return
        with translated():
            shutil.rmtree(folder, ignore_errors=True)

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

    def _find(self, key: str, upload: str) -> tuple[Path, Plan]:
        folder = self._root / FOLDER / upload
        if not upload.isalnum() or not (folder / "data").is_file():
            raise NotFound
        values = json.loads((folder / "plan.json").read_text())
        if values["key"] != key:
            raise NotFound
        return folder, Plan(**values)


@contextmanager
def _gone_is_nothing() -> Iterator[None]:
    """Pass over what another request has removed this moment."""
    try:
        yield
    except FileNotFoundError:
        return


def _write_at(path: Path, offset: int, body: BinaryIO, size: int) -> tuple[str, int]:
    """Copy up to `size` bytes to their place; return their digest and how many came."""
    digest, written = hashlib.md5(usedforsecurity=False), 0
    with path.open("r+b") as file:
        file.seek(offset)
        while written < size and (chunk := body.read(min(CHUNK_BYTES, size - written))):
            file.write(chunk)
            digest.update(chunk)
            written += len(chunk)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest(), written


def _write_whole(path: Path, text: str) -> None:
    temporary = path.with_suffix(f".{uuid.uuid4().hex}")
    temporary.write_text(text)
    temporary.replace(path)
