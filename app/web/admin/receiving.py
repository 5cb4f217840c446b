"""What a part of the site says of the files it takes; `receivers` knows them all."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID

from app.domain.accounts.sessions import SignedIn
from app.domain.videos.upload_models import Upload

UNTOLD_TYPES = frozenset({"", "application/octet-stream"})
Answer = dict[str, Any]


@dataclass(frozen=True)
class Receiver:
    """What one purpose asks of a file and does with it.

    `check(person, target_id)` raises NotFound, Forbidden or InvalidInput before the first byte.
    `prepare(upload)` does what takes seconds (reading, drawing), with no transaction open.
    `receive(person, upload, prepared)` makes what the file is for, in the transaction that
    completes the upload, and returns members of the answer. Both raise FileRefused or MediaInvalid
    for a file that is no use, which is then removed. `recall(person, upload)` returns the same
    members once more for a sender who missed the answer. A type that browsers do not tell is taken
    by its suffix.
    """

    check: Callable[[SignedIn, UUID | None], None]
    receive: Callable[[SignedIn, Upload, Any], Answer]
    max_bytes: Callable[[], int]
    content_types: frozenset[str]
    suffixes: frozenset[str]
    kinds: str
    remedy: str = "Send a smaller file."
    recall: Callable[[SignedIn, Upload], Answer] = lambda _person, _upload: {}
    prepare: Callable[[Upload], Any] = lambda _upload: None

    def takes(self, filename: str, content_type: str) -> bool:
        """Whether a file of this name and type may be sent."""
        if content_type in self.content_types:
            return True
        suffix = PurePosixPath(filename).suffix.lower()
        return content_type in UNTOLD_TYPES and suffix in self.suffixes

    @property
    def accept(self) -> str:
        """What a file field of a page offers."""
        return ",".join(sorted(self.suffixes | self.content_types))
