"""The archived changes: which segments there are, and whether one is missing between them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from app.backups.catalog import WAL
from app.integrations.backup_store import BackupStore
from app.integrations.stored import Stored

_SEGMENT = re.compile(r"(?P<name>(?P<timeline>[0-9A-F]{8})[0-9A-F]{16})-[0-9a-f]{16}\.age")

NAME_LENGTH = 24


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of the changes, by PostgreSQL's name for it."""

    name: str
    stored: Stored

    def number(self, segment_bytes: int) -> int:
        """Return its place in the order of all, whatever its timeline."""
        return number_of(self.name, segment_bytes)


def number_of(name: str, segment_bytes: int) -> int:
    """Return the place of the segment called `name`."""
    per_log = (1 << 32) // segment_bytes
    return int(name[8:16], 16) * per_log + int(name[16:24], 16)


def segment_of(lsn: str, timeline: int, segment_bytes: int) -> str:
    """Return the name of the segment that holds the place `lsn`."""
    high, _, low = lsn.partition("/")
    return f"{timeline:08X}{int(high, 16):08X}{int(low, 16) // segment_bytes:08X}"


def prefix_of(name: str) -> str:
    """Return what the key of the archived file called `name` begins with."""
    return f"{WAL}/{name[:16] if len(name) >= NAME_LENGTH else 'history'}"


def list_segments(store: BackupStore) -> Iterator[Segment]:
    """Yield the archived segments, by name."""
    for stored in store.list_objects(WAL):
        found = _SEGMENT.fullmatch(stored.key.rpartition("/")[2])
        if found:
            yield Segment(found["name"], stored)


def find_gap(store: BackupStore, first_segment: str, segment_bytes: int) -> str | None:
    """Return the first segment from `first_segment` on that is missing while later ones are there.

    None when there is no such hole, or nothing was archived since.
    """
    first = number_of(first_segment, segment_bytes)
    numbers = {segment.number(segment_bytes) for segment in list_segments(store)}
    last = max(numbers, default=-1)
    missing = next((n for n in range(first, last) if n not in numbers), None)
    if missing is None:
        return None
    per_log = (1 << 32) // segment_bytes
    return f"{first_segment[:8]}{missing // per_log:08X}{missing % per_log:08X}"


def last_segment(store: BackupStore) -> Segment | None:
    """Return the newest archived segment."""
    return max(
        list_segments(store), key=lambda segment: (segment.name[8:], segment.name), default=None
    )
