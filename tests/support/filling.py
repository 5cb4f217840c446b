"""Tables filled quickly: indexes are made once all rows are there, and references not looked at."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import Connection, text

INDEXES = """
SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index
WHERE NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
    AND indrelid::regclass::text = ANY(:tables)
"""


@contextmanager
def without_indexes(connection: Connection, tables: Sequence[str]) -> Iterator[None]:
    """Take the indexes of `tables` away for the block, but those that constraints need.

    `connection` is the owner's of a throw-away database, outside of transactions.
    """
    rebuilt = connection.execute(text(INDEXES), {"tables": list(tables)}).all()
    for name, _ in rebuilt:
        connection.execute(text(f"DROP INDEX {name}"))
    yield
    connection.execute(text("SET maintenance_work_mem = '512MB'"))
    for _, statement in rebuilt:  # all rows at once, which is much faster than one by one
        connection.execute(text(statement))
