"""Trying the media storage out: write, read back, delete, and say which of them failed."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from app.current import integrations
from app.errors import NotFound, StorageFull, StorageUnavailable

PROBE_BYTES = 64 * 1024
FOLDER = "site/trials"


class Step(StrEnum):
    WRITE = "write"
    READ = "read"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Trial:
    """Which steps went well, the one that did not, and what the storage said to it."""

    done: list[Step]
    failed: Step | None = None
    said: str = ""
    is_full: bool = False


def try_storage() -> Trial:
    """Write, read and delete an object of a name of its own; nothing of it is left."""
    folder = f"{FOLDER}/{secrets.token_hex(8)}"
    key, content = f"{folder}/probe", secrets.token_bytes(PROBE_BYTES)
    done: list[Step] = []
    steps: dict[Step, Callable[[], None]] = {
        Step.WRITE: lambda: _write(key, content),
        Step.READ: lambda: _read(key, content),
        Step.DELETE: lambda: _delete(folder, key),
    }
    for step, run in steps.items():
        try:
            run()
        except (StorageFull, StorageUnavailable, NotFound) as error:
            return Trial(done, step, error.detail, isinstance(error, StorageFull))
        done.append(step)
    return Trial(done)


def _write(key: str, content: bytes) -> None:
    integrations.storage.put_bytes(key, content, "application/octet-stream")


def _read(key: str, content: bytes) -> None:
    with integrations.storage.open(key) as file:
        if file.read() != content:
            raise StorageUnavailable("What was read is not what was written.")


def _delete(folder: str, key: str) -> None:
    integrations.storage.delete_prefix(folder)
    try:
        integrations.storage.size(key)
    except NotFound:
        return
    raise StorageUnavailable("What was deleted is still there.")
