"""Reading the audit trail from its first row to its last, to see that nobody changed it.

The chain names a row that was changed, moved, slipped in or taken out of the middle. Whoever may
switch the trigger off can still take rows off the end, or write the whole rest anew, and leave a
chain that fits. Only a head kept outside of this database (`Head`) shows that.
"""

import enum
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

from sqlalchemy import exists, func, select

from app.database import db
from app.domain.audit.models import AuditEvent
from app.domain.audit.trail import FIRST_HASH, hash_of
from app.errors import InvalidInput

BATCH_ROWS = 1000
HEAD = re.compile(r"(?P<count>[0-9]{1,18}):(?P<hash>[0-9a-f]{64})")


class FaultKind(enum.StrEnum):
    CHANGED = "changed"
    MOVED = "moved"
    UNLINKED = "unlinked"
    REWRITTEN = "rewritten"
    CUT_OFF = "cut off"


EXPLANATIONS = {
    FaultKind.CHANGED: "its values do not fit its hash",
    FaultKind.MOVED: "it was written after another row than the one it now follows",
    FaultKind.UNLINKED: "the row it was written after is gone or was written anew",
    FaultKind.REWRITTEN: "the chain up to here is not the one the kept head was taken from",
    FaultKind.CUT_OFF: "the rows after it that the kept head counted are gone",
}


@dataclass(frozen=True, slots=True)
class Head:
    """How many rows there are and the hash of the last one: everything before it hangs on it."""

    count: int
    hash: bytes

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what `str` wrote. Raises InvalidInput."""
        found = HEAD.fullmatch(text.strip().lower())
        if found is None:
            raise InvalidInput({"expect": "Give a head as it was printed: COUNT:HASH."})
        return cls(int(found["count"]), bytes.fromhex(found["hash"]))

    def __str__(self) -> str:
        return f"{self.count}:{self.hash.hex()}"


@dataclass(frozen=True, slots=True)
class Fault:
    """The first row that does not fit; `row_id` is None when there is no row left to name."""

    kind: FaultKind
    row_id: int | None

    def __str__(self) -> str:
        name = "the trail" if self.row_id is None else f"row {self.row_id}"
        return f"{name}: {self.kind.value} ({EXPLANATIONS[self.kind]})"


@dataclass(frozen=True, slots=True)
class Verdict:
    """How far the chain holds, and the first fault if it does not hold to the end."""

    head: Head
    fault: Fault | None = None


def read_head() -> Head:
    """Return the head as the last row has it, without walking the chain."""
    last = select(AuditEvent.hash).order_by(AuditEvent.id.desc()).limit(1).scalar_subquery()
    count, last_hash = db.session.execute(
        select(func.count(), last).select_from(AuditEvent)  # one statement, so of one moment
    ).one()
    return Head(count, bytes(last_hash) if last_hash else FIRST_HASH)


def verify(expected: Head | None = None) -> Verdict:
    """Walk the whole chain and return its head, or where it breaks.

    With `expected`, a head kept elsewhere, rows cut off the end and a chain written anew show too.
    """
    head, last_id = Head(0, FIRST_HASH), None
    for row in _rows():
        if kind := _find_fault(row, head.hash):
            return Verdict(head, Fault(kind, row.id))
        head, last_id = Head(head.count + 1, bytes(row.hash)), row.id
        if expected and head.count == expected.count and head.hash != expected.hash:
            return Verdict(head, Fault(FaultKind.REWRITTEN, row.id))
    if expected and head.count < expected.count:
        return Verdict(head, Fault(FaultKind.CUT_OFF, last_id))
    return Verdict(head)


def _find_fault(row: Any, previous_hash: bytes) -> FaultKind | None:
    if hash_of(row) != bytes(row.hash):
        return FaultKind.CHANGED
    if bytes(row.previous_hash) == previous_hash:
        return None
    is_first = bytes(row.previous_hash) == FIRST_HASH
    is_there = db.session.scalar(select(exists().where(AuditEvent.hash == row.previous_hash)))
    return FaultKind.MOVED if is_first or is_there else FaultKind.UNLINKED


def _rows() -> Iterator[Any]:
    """Yield every row in the order of writing, a batch at a time; appending may go on meanwhile."""
    table, last_id = AuditEvent.__table__, 0
    while True:
        batch = select(table).where(table.c.id > last_id).order_by(table.c.id).limit(BATCH_ROWS)
        rows = db.session.execute(batch).all()
        yield from rows
        if len(rows) < BATCH_ROWS:
            return
        last_id = rows[-1].id
