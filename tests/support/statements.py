"""The SQL that a block of a test sends, for counting and explaining it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine

CHOICES = "FROM site_choices"
TRANSACTIONAL = ("SAVEPOINT", "RELEASE", "ROLLBACK", "COMMIT", "BEGIN")


@dataclass
class Statements:
    """What was sent, in order, without the marks of transactions."""

    sent: list[tuple[str, Any]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.sent)

    def rows_visited(self, connection: Connection) -> int:
        """Return how many rows the scans of all these statements read, by EXPLAIN ANALYZE."""
        total = 0
        for statement, parameters in self.sent:
            if statement.lstrip().upper().startswith(("SELECT", "WITH")):
                explained = connection.exec_driver_sql(
                    f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters
                )
                total += _scanned(explained.scalar_one()[0]["Plan"])
        return total


def _scanned(plan: dict[str, Any]) -> int:
    below = sum(_scanned(child) for child in plan.get("Plans", ()))
    if "Scan" not in plan["Node Type"] or plan["Node Type"] == "Subquery Scan":
        return below
    read = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)
    return below + round(read * plan["Actual Loops"])


@contextmanager
def recorded(*, with_choices: bool = False) -> Iterator[Statements]:
    """Collect the statements of the block, on any engine.

    The site's choices are read once in some seconds, by whoever comes first: no page's cost.
    """
    statements = Statements()

    def note(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        if CHOICES in statement and not with_choices:
            return
        if not statement.upper().startswith(TRANSACTIONAL):
            statements.sent.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(Engine, "before_cursor_execute", note)
