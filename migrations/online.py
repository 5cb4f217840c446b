"""Steps of a migration that let readers and writers of big tables pass.

Each may be taken a second time, after an attempt that was cut short. `tests/migrations` refuses
migrations that do the same in ways that block.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from alembic import op
from sqlalchemy import text


@contextmanager
def _outside_transaction() -> Iterator[None]:
    """Commit what was done so far, then run single statements.

    What runs in here waits for others and lets others pass, so it may wait as long as it takes.
    """
    with op.get_context().autocommit_block():
        bind = op.get_bind()
        before = bind.scalar(text("SHOW lock_timeout"))
        bind.execute(text("SET lock_timeout = 0"))
        try:
            yield
        finally:
            bind.execute(text(f"SET lock_timeout = '{before}'"))


def _has(query: str, **names: str) -> bool:
    return bool(op.get_bind().scalar(text(f"SELECT EXISTS ({query})"), names))


def create_index(
    name: str, table: str, columns: str, *, unique: bool = False, where: str = ""
) -> None:
    """Build an index beside running writes. `columns` is what stands in the parentheses.

    A second attempt drops what a first one left unfinished.
    """
    unfinished = "SELECT FROM pg_index WHERE indexrelid = to_regclass(:name) AND NOT indisvalid"
    kind = "UNIQUE INDEX" if unique else "INDEX"
    condition = f" WHERE {where}" if where else ""
    with _outside_transaction():
        if _has(unfinished, name=name):
            op.execute(f"DROP INDEX CONCURRENTLY {name}")
        op.execute(
            f"CREATE {kind} CONCURRENTLY IF NOT EXISTS {name} ON {table} ({columns}){condition}"
        )


def drop_index(name: str) -> None:
    """Drop an index that no release in use needs."""
    with _outside_transaction():
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")


def add_constraint(table: str, name: str, definition: str) -> None:
    """Add a check or a foreign key: for new rows at once, then for those that are there.

    `definition` is SQL: `CHECK (…)` or `FOREIGN KEY (…) REFERENCES …`.
    """
    known = "SELECT FROM pg_constraint WHERE conrelid = to_regclass(:table) AND conname = :name"
    if not _has(known, table=table, name=name):
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition} NOT VALID")
    with _outside_transaction():
        op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}")


def widen_check(table: str, name: str, condition: str) -> None:
    """Let a check allow more than before. Old rows pass already, so nobody reads them again."""
    op.execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {name}")
    op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({condition}) NOT VALID")
    with _outside_transaction():
        op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}")


def require(table: str, column: str) -> None:
    """Make a column NOT NULL without reading the table under a lock."""
    name = f"ck_{table}_{column}_is_there"
    add_constraint(table, name, f"CHECK ({column} IS NOT NULL)")
    op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} SET NOT NULL")
    op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
