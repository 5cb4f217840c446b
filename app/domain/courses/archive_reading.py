"""Reads archives that may come from anybody: every claim is bounded before it is believed.

The table of contents is judged before anything is unpacked, and what is unpacked is measured and
hashed as it is written. No name of the archive's ever becomes the name of a file here.
"""

import hashlib
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from pydantic import ValidationError

from app.domain.courses.archive_format import (
    COVER,
    MANIFEST,
    MAX_CAPTION_BYTES,
    MAX_COVER_BYTES,
    MAX_ENTRIES,
    MAX_MANIFEST_BYTES,
    PATH,
    ArchivedEntry,
    Manifest,
)
from app.domain.courses.files import MAX_DOCUMENT_BYTES, MAX_RESOURCE_BYTES
from app.errors import FileRefused

CHUNK_BYTES = 1024**2
MAX_CONTENTS_BYTES = 8 * 1024**2
MAX_RATIO = 200
RATIO_MATTERS_FROM_BYTES = 1024**2
_ENCRYPTED = 0x1
_END = struct.Struct("<4s4H2LH")
_END_SIGNATURE, _LOCATOR_SIGNATURE = b"PK\5\6", b"PK\6\7"
_LOCATOR_BYTES, _LONGEST_COMMENT, _LOCAL_HEADER_BYTES = 20, 0xFFFF, 30
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_KINDS = (0, stat.S_IFREG)
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError)

Tell = Callable[[int], None]


class Archive:
    """An opened archive whose table of contents and manifest are in order."""

    def __init__(self, opened: zipfile.ZipFile, manifest: Manifest) -> None:
        self._zip = opened
        self.manifest = manifest
        self._entries = {entry.path: entry for entry in manifest.entries}

    @property
    def total_bytes(self) -> int:
        """Return how much unpacking would write."""
        return sum(entry.size_bytes for entry in self._entries.values())

    def size_of(self, path: str) -> int:
        """Return how long a file of the archive is."""
        return self._entries[path].size_bytes

    def unpack(self, path: str, target: Path, tell: Tell) -> ArchivedEntry:
        """Write one file of the archive to `target`; `tell` hears of each chunk's length.

        Raises FileRefused when it is not what the manifest says.
        """
        entry = self._entries[path]
        digest, written = hashlib.sha256(), 0
        with self._reading(path) as source, target.open("xb") as file:
            while chunk := source.read(CHUNK_BYTES):
                written += len(chunk)
                if written > entry.size_bytes:
                    break
                digest.update(chunk)
                file.write(chunk)
                tell(len(chunk))
        if written != entry.size_bytes or digest.hexdigest() != entry.sha256:
            raise FileRefused(f"{path} in the archive is damaged: it is not what was packed.")
        return entry

    @contextmanager
    def _reading(self, path: str) -> Iterator[BinaryIO]:
        try:
            with self._zip.open(path) as source:
                yield source  # type: ignore[misc]
        except _BROKEN as error:
            raise FileRefused(f"{path} in the archive is damaged.") from error


@contextmanager
def opened(path: Path, max_total_bytes: int) -> Iterator[Archive]:
    """Open the archive at `path`, having judged all it claims. Raises FileRefused."""
    with path.open("rb") as file:
        _require_small_contents(file)
        try:
            archive = zipfile.ZipFile(file)
        except _BROKEN as error:
            raise FileRefused(
                "This is no zip that can be read. Export the course again."
            ) from error
        with archive:
            infos = _judged(archive.infolist(), max_total_bytes)
            manifest = _manifest(archive, infos)
            _compare(infos, manifest)
            yield Archive(archive, manifest)


def _require_small_contents(file: BinaryIO) -> None:
    """Look at the end of the zip alone: its table of contents is read into memory as a whole."""
    size = file.seek(0, os.SEEK_END)
    tail_bytes = min(size, _END.size + _LONGEST_COMMENT + _LOCATOR_BYTES)
    file.seek(size - tail_bytes)
    tail = file.read(tail_bytes)
    at = tail.rfind(_END_SIGNATURE)
    if at < 0 or len(tail) - at < _END.size:
        raise FileRefused("This is no zip that can be read. Export the course again.")
    contents_bytes = _END.unpack_from(tail, at)[5]
    if contents_bytes == 0xFFFFFFFF or tail[at - _LOCATOR_BYTES : at].startswith(
        _LOCATOR_SIGNATURE
    ):
        contents_bytes = _long_contents_bytes(file, tail[at - _LOCATOR_BYTES : at])
    if contents_bytes > MAX_CONTENTS_BYTES:
        raise FileRefused("The archive lists more files than a course can have.")
    file.seek(0)


def _long_contents_bytes(file: BinaryIO, locator: bytes) -> int:
    """Return what a zip64 record says of the length of the contents; too much when in doubt."""
    if not locator.startswith(_LOCATOR_SIGNATURE):
        return MAX_CONTENTS_BYTES + 1
    file.seek(int.from_bytes(locator[8:16], "little"))
    record = file.read(56)
    is_whole = len(record) == 56 and record.startswith(b"PK\6\6")
    return int.from_bytes(record[40:48], "little") if is_whole else MAX_CONTENTS_BYTES + 1


def _judged(infos: list[zipfile.ZipInfo], max_total_bytes: int) -> dict[str, zipfile.ZipInfo]:
    if len(infos) > MAX_ENTRIES:
        raise FileRefused("The archive lists more files than a course can have.")
    by_name: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        name = info.orig_filename
        if name != MANIFEST and not PATH.fullmatch(name):
            raise FileRefused(f"The archive holds {name[:80]!r}, which is no part of a course.")
        if name in by_name:
            raise FileRefused(f"The archive holds {name} twice.")
        _judge(name, info)
        by_name[name] = info
    _require_apart(infos)
    if sum(info.file_size for info in infos) > max_total_bytes:
        raise FileRefused("Unpacked, the archive is larger than this site has room for.")
    return by_name


def _judge(name: str, info: zipfile.ZipInfo) -> None:
    if stat.S_IFMT(info.external_attr >> 16) not in _KINDS or info.is_dir():
        raise FileRefused(f"{name} in the archive is no plain file.")
    if info.flag_bits & _ENCRYPTED:
        raise FileRefused(f"{name} in the archive is encrypted.")
    if info.compress_type not in _METHODS:
        raise FileRefused(f"{name} in the archive is packed in a way that is not read here.")
    if info.file_size > _limit_of(name):
        raise FileRefused(f"{name} in the archive is too large.")
    is_dense = info.file_size > MAX_RATIO * max(info.compress_size, 1)
    if is_dense and info.file_size > RATIO_MATTERS_FROM_BYTES:
        raise FileRefused(f"{name} in the archive unpacks to far more than it is.")


def _limit_of(name: str) -> int:
    if name == MANIFEST:
        return MAX_MANIFEST_BYTES
    if name == COVER:
        return MAX_COVER_BYTES
    if name.startswith("captions/"):
        return MAX_CAPTION_BYTES
    if name.startswith("files/"):
        return max(MAX_DOCUMENT_BYTES, MAX_RESOURCE_BYTES)
    return 1024**4  # videos: the room for all of it decides


def _require_apart(infos: list[zipfile.ZipInfo]) -> None:
    """Refuse files that share their bytes, which is how a small zip becomes an endless one."""
    end = 0
    for info in sorted(infos, key=lambda info: info.header_offset):
        if info.header_offset < end:
            raise FileRefused("Files in the archive overlap.")
        end = info.header_offset + _LOCAL_HEADER_BYTES + info.compress_size


def _manifest(archive: zipfile.ZipFile, infos: dict[str, zipfile.ZipInfo]) -> Manifest:
    if MANIFEST not in infos:
        raise FileRefused(f"The archive has no {MANIFEST}: it was not exported from such a site.")
    try:
        with archive.open(MANIFEST) as source:
            text = source.read(MAX_MANIFEST_BYTES + 1)
    except _BROKEN as error:
        raise FileRefused(f"{MANIFEST} in the archive is damaged.") from error
    try:
        return Manifest.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        place = ".".join(map(str, first["loc"]))
    raise FileRefused(f"{MANIFEST} in the archive cannot be used: {place}: {first['msg']}.")


def _compare(infos: dict[str, zipfile.ZipInfo], manifest: Manifest) -> None:
    """Refuse unless contents, manifest and course name the same files with the same lengths."""
    listed = {entry.path: entry.size_bytes for entry in manifest.entries}
    held = {name: info.file_size for name, info in infos.items() if name != MANIFEST}
    if len(listed) != len(manifest.entries) or listed != held:
        raise FileRefused(f"The archive's files are not those that its {MANIFEST} lists.")
    named = manifest.named_paths()
    if len(named) != len(set(named)) or set(named) != held.keys():
        raise FileRefused(f"The course in {MANIFEST} does not name each of the files once.")
    for lesson in manifest.lessons:
        if lesson.video is not None and lesson.video >= len(manifest.videos):
            raise FileRefused(f"A lesson in {MANIFEST} names a video that is not there.")
