"""The uploads part of storage: a large object arrives in numbered parts, in any order, and is
whole or absent at the end. The clients live in `local_uploads` and `s3_uploads`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

MIN_PART_BYTES = 5 * 1024**2  # S3's, of every part but the last


@dataclass(frozen=True, slots=True)
class Plan:
    """What will arrive: an object of `size_bytes` in parts of `part_size_bytes`, the last less."""

    key: str
    content_type: str
    size_bytes: int
    part_size_bytes: int

    @property
    def part_count(self) -> int:
        """Return how many parts there are."""
        return -(-self.size_bytes // self.part_size_bytes)

    def size_of(self, number: int) -> int:
        """Return how long part `number` (from 1) is. Raises ValueError for one there is not."""
        if not 1 <= number <= self.part_count:
            raise ValueError(f"there is no part {number}")
        return min(self.part_size_bytes, self.size_bytes - (number - 1) * self.part_size_bytes)


@dataclass(frozen=True, slots=True)
class Part:
    """A part that has arrived; its `etag` names what is in it."""

    number: int
    etag: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class OpenUpload:
    """An upload that was begun and neither completed nor aborted."""

    key: str
    upload: str
    began_at: datetime


class Uploads(Protocol):
    """Takes objects in parts. What is not completed is invisible, and stays until it is aborted."""

    def begin(self, plan: Plan) -> str:
        """Begin an upload and return its name. Raises StorageFull, StorageUnavailable."""
        ...

    def free_bytes(self) -> int | None:
        """Return how large an object may be begun now, or None when nobody can say."""
        ...

    def part_url(self, key: str, upload: str, number: int, lifetime_seconds: int) -> str | None:
        """Return where to PUT a part, or None when this application takes the parts itself."""
        ...

    def list_parts(self, key: str, upload: str) -> list[Part]:
        """Return the parts that have arrived, by number. Raises NotFound."""
        ...

    def complete(self, key: str, upload: str, parts: Sequence[Part]) -> None:
        """Make the object of these parts. Raises NotFound, InvalidInput naming `parts`."""
        ...

    def abort(self, key: str, upload: str) -> None:
        """Forget an upload and its parts; forgetting it twice changes nothing."""
        ...

    def list_open(self, prefix: str) -> list[OpenUpload]:
        """Return the uploads under way in the folder `prefix`."""
        ...
