"""Streams on their way into the age format and out of it: hashed, counted, never all in memory."""

import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import pyrage

from app.backups.trouble import BackupError
from app.integrations.backup_store import BackupStore

CHUNK_BYTES = 1 << 20
_GZIP = 31  # zlib's window bits for a gzip header
_FOREIGN = "No matching keys"

Recipients = Sequence[pyrage.x25519.Recipient]
Identities = Sequence[pyrage.x25519.Identity]


class Source(Protocol):
    """What can be read forward."""

    def read(self, size: int = -1, /) -> bytes:
        """Return up to `size` bytes; none at the end."""
        ...


class Target(Protocol):
    """What can be written to."""

    def write(self, data: bytes, /) -> Any:
        """Take all of `data`."""
        ...


@dataclass(frozen=True, slots=True)
class Part:
    """An object of a backup as it lies in the store: sealed, its size and hash those of that."""

    key: str
    size: int
    sha256: str


class Reading:
    """A source that is counted and hashed as it is read, and remembers what went wrong."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._hash = hashlib.sha256()
        self.size = 0
        self.error: BaseException | None = None

    @property
    def sha256(self) -> str:
        """Return the hash of what was read, in hexadecimal."""
        return self._hash.hexdigest()

    def read(self, size: int = -1) -> bytes:
        """Read on."""
        try:
            data = self._source.read(size)
        except BaseException as error:
            self.error = error
            raise
        self._hash.update(data)
        self.size += len(data)
        return data


class Writing:
    """A target that is counted and hashed as it is written, and remembers what went wrong."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._hash = hashlib.sha256()
        self.size = 0
        self.error: BaseException | None = None

    @property
    def sha256(self) -> str:
        """Return the hash of what was written, in hexadecimal."""
        return self._hash.hexdigest()

    def write(self, data: bytes) -> int:
        """Write on."""
        try:
            self._target.write(data)
        except BaseException as error:
            self.error = error
            raise
        self._hash.update(data)
        self.size += len(data)
        return len(data)

    def flush(self) -> None:
        """Do nothing: whoever opened the target sees to it."""


class Packing:
    """A source in gzip's format, as fast as that goes."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._packer = zlib.compressobj(1, zlib.DEFLATED, _GZIP)
        self._ready = bytearray()
        self._is_over = False

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes of what is packed."""
        while not self._is_over and (size < 0 or len(self._ready) < size):
            data = self._source.read(CHUNK_BYTES)
            self._ready += self._packer.compress(data) if data else self._packer.flush()
            self._is_over = not data
        taken = bytes(self._ready[:size] if size >= 0 else self._ready)
        del self._ready[: len(taken)]
        return taken


class Unpacking:
    """A target that is given gzip's format and hands on what was packed."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._unpacker = zlib.decompressobj(_GZIP)

    def write(self, data: bytes) -> int:
        """Unpack `data`, a bounded piece at a time."""
        left = data
        while left:
            try:
                self._target.write(self._unpacker.decompress(left, CHUNK_BYTES))
            except zlib.error as error:
                raise BackupError(f"What was packed does not unpack: {error}") from error
            left = self._unpacker.unconsumed_tail
        return len(data)

    def finish(self) -> None:
        """Raise BackupError unless the end was reached."""
        self._target.write(self._unpacker.flush())
        if not self._unpacker.eof:
            raise BackupError("What was packed ends too early.")


def seal_into(target: Target, source: Source, recipients: Recipients) -> Part:
    """Seal `source` into `target`; return what was written, without a key."""
    reading, writing = Reading(source), Writing(target)
    try:
        pyrage.encrypt_io(reading, writing, recipients)
    except (pyrage.EncryptError, OSError) as error:
        raise reading.error or writing.error or BackupError(f"age: {error}") from error
    return Part("", writing.size, writing.sha256)


def seal(store: BackupStore, key: str, source: Source, recipients: Recipients) -> Part:
    """Keep `source` sealed as `key`. Raises what reading raises; then nothing is kept."""
    with store.writing(key) as target:
        part = seal_into(target, source, recipients)
    return Part(key, part.size, part.sha256)


def unseal(
    store: BackupStore, key: str, target: Target, identities: Identities, sha256: str = ""
) -> None:
    """Write what is kept sealed as `key` to `target`, whole or with a BackupError.

    With `sha256`, what lies in the store must have that hash.
    """
    with store.open(key) as kept:
        reading, writing = Reading(kept), Writing(target)
        try:
            pyrage.decrypt_io(reading, writing, identities)
        except (pyrage.DecryptError, OSError) as error:
            if cause := writing.error or reading.error:
                raise cause from error
            raise BackupError(_explain(key, error)) from error
        while reading.read(CHUNK_BYTES):
            pass
    if sha256 and reading.sha256 != sha256:
        raise BackupError(f"{key} is not what was backed up: its hash differs.")


def _explain(key: str, error: Exception) -> str:
    if str(error).startswith(_FOREIGN):
        return f"This identity does not open {key}: it was sealed to other recipients."
    return f"{key} is damaged or cut off: {error}."
