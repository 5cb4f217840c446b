"""The tables: nothing is loaded by surprise, times know their zone, money is whole."""

import pytest
from sqlalchemy import DateTime, Float, Index, Numeric, Table, UniqueConstraint
from sqlalchemy.orm import configure_mappers

from app.database import Base
from app.domain import tables

pytestmark = pytest.mark.no_database
TABLES = sorted(Base.metadata.tables.values(), key=lambda table: table.name)
every_table = pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)


def test_relations_are_never_loaded_lazily() -> None:
    """Collections a page needs are loaded in its query; anything else raises."""
    assert tables.__all__
    configure_mappers()
    lazy = [
        f"{mapper.class_.__name__}.{relation.key}"
        for mapper in Base.registry.mappers
        for relation in mapper.relationships
        if relation.lazy not in ("raise", "raise_on_sql")
    ]
    assert not lazy


@every_table
def test_times_are_aware(table: Table) -> None:
    kinds = {column.name: column.type for column in table.columns}
    times = {name: kind for name, kind in kinds.items() if isinstance(kind, DateTime)}
    assert not [name for name, kind in times.items() if not kind.timezone]
    assert not [name for name in times if not name.endswith("_at")]


@every_table
def test_money_is_whole_minor_units(table: Table) -> None:
    money = [column for column in table.columns if column.name.endswith(("_minor", "_cents"))]
    assert not [column.name for column in money if isinstance(column.type, Float | Numeric)]


def _leading_columns(table: Table) -> set[str]:
    """The first column of each whole index, unique constraint and primary key of `table`."""
    keys = [
        *(list(index.columns) for index in table.indexes if not _is_partial(index)),
        *(list(c.columns) for c in table.constraints if isinstance(c, UniqueConstraint)),
        list(table.primary_key.columns),
    ]
    return {columns[0].name for columns in keys if columns}


def _is_partial(index: Index) -> bool:
    return index.dialect_options["postgresql"]["where"] is not None


@every_table
def test_rows_that_refer_to_another_are_found_by_it(table: Table) -> None:
    """Without such an index, deleting one referred-to row reads the whole table."""
    leading = _leading_columns(table)
    referring = [next(iter(key.columns)).name for key in table.foreign_key_constraints]
    assert not [name for name in referring if name not in leading]
