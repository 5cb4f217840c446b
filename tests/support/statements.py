"""The SQL that a block of a test sends, for counting and explaining it."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine

from app.compiled import Compiled
from app.database import Prepared

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


@cache
def _prepared(statement: str) -> Compiled:
    """Return what a statement of the hot path was compiled to."""
    return next(
        each._compiled
        for each in gc.get_objects()
        if type(each) is Prepared and each._compiled.sql == statement
    )


def _by_name(statement: str, parameters: Any) -> Any:
    """Return the parameters as the statement names them; those sent by EXECUTE have no names."""
    if not isinstance(parameters, list):
        return parameters
    compiled = _prepared(statement)
    names = (name for name, *_ in compiled.parameters)
    return compiled.literals | dict(zip(names, parameters, strict=True))


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
            statements.sent.append((statement, _by_name(statement, parameters)))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(Engine, "before_cursor_execute", note)
