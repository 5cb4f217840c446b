"""What a listing says of one object, in a folder or in a bucket."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Stored:
    """An object's key, its size in bytes and when it was last written."""

    key: str
    size: int
    changed_at: datetime
