"""The database handle, the declarative base, live connections, and statements prepared once."""

import enum
import select
import uuid
from collections import namedtuple
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from typing import Any

from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session as FlaskSession
from sqlalchemy import (
    Connection,
    DateTime,
    Engine,
    Enum,
    Float,
    MetaData,
    Numeric,
    Text,
    Uuid,
    event,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.orm import DeclarativeBase, registry
from sqlalchemy.pool import Pool

NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
READS_ALONE = "reads_alone"


def _values(kind: type[enum.Enum]) -> list[str]:
    return [member.value for member in kind]


class Base(DeclarativeBase):
    """Declarative base; enums are stored by value in text columns with a check constraint."""

    registry = registry(
        metadata=MetaData(naming_convention=NAMING_CONVENTION),
        type_annotation_map={
            str: Text(),
            datetime: DateTime(timezone=True),
            uuid.UUID: Uuid(),
            dict[str, Any]: JSONB(),
            list[dict[str, Any]]: JSONB(),
            enum.StrEnum: Enum(
                enum.StrEnum,
                native_enum=False,
                create_constraint=True,
                length=32,
                values_callable=_values,
            ),
        },
    )


class Session(FlaskSession):
    """The request's session; `read_alone` makes it send each statement without a transaction."""

    def get_bind(self, *args: Any, **options: Any) -> Engine | Connection:
        """Return the engine, or its autocommitting twin on the same pool."""
        bind = super().get_bind(*args, **options)
        if self.info.get(READS_ALONE) and isinstance(bind, Engine):
            return _autocommitting(bind)
        return bind


@lru_cache(maxsize=8)
def _autocommitting(engine: Engine) -> Engine:
    return engine.execution_options(isolation_level="AUTOCOMMIT")


db = SQLAlchemy(model_class=Base, session_options={"class_": Session})


def read_alone() -> None:
    """Send this session's statements without BEGIN and ROLLBACK around them.

    For requests that read, or write one statement at most: a third of the round trips.
    """
    db.session.info[READS_ALONE] = True


@event.listens_for(Pool, "checkout")
def _refuse_dead(connection: Any, _record: Any, _proxy: Any) -> None:
    """Replace pooled connections whose server is gone, at the cost of one poll (2 us).

    An idle connection has nothing to say; a readable one carries its end. `pool_pre_ping` asks
    the server instead, which costs every request a round trip.
    """
    if connection.closed:
        raise InvalidatePoolError
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    if poll.poll(0):
        raise InvalidatePoolError


@dataclass(frozen=True)
class _Compiled:
    """A statement as the driver takes it, and what its types do to values on both ways."""

    sql: str
    constants: dict[str, Any]
    to_driver: tuple[tuple[str, Callable[[Any], Any]], ...]
    from_driver: tuple[tuple[int, Callable[[Any], Any]], ...]
    row: Callable[..., Any]


class Prepared:
    """A statement of the hot path: compiled once, run by the driver in the session's transaction.

    It costs half of `session.execute` and gives plain named tuples. `statement` must say which
    columns it returns (`select`, `returning`, `text().columns()`) and hold no `IN` list.
    """

    def __init__(self, statement: Any) -> None:
        self._statement = statement

    @cached_property
    def _compiled(self) -> _Compiled:
        dialect = db.engine.dialect
        compiled = self._statement.compile(dialect=dialect)
        binders = {
            name: process
            for name, bind in compiled.binds.items()
            if (process := bind.type.dialect_impl(dialect).bind_processor(dialect))
        }
        constants = {
            name: binders[name](value) if name in binders and value is not None else value
            for name, value in compiled.construct_params(_check=False).items()
        }
        columns = list(self._statement.exported_columns)
        named: Any = namedtuple  # noqa: PYI024 - the fields are known at run time only
        readers = (
            (index, column.type.dialect_impl(dialect).result_processor(dialect, None))
            for index, column in enumerate(columns)
            if not isinstance(column.type, (Numeric, Float))  # the driver's own numbers are right
        )
        return _Compiled(
            sql=str(compiled),
            constants=constants,
            to_driver=tuple(binders.items()),
            from_driver=tuple((index, read) for index, read in readers if read),
            row=named("Row", [column.key for column in columns])._make,
        )

    def first(self, values: Mapping[str, Any]) -> Any:
        """Run the statement with `values`; return its first row as a named tuple, or None."""
        compiled = self._compiled
        parameters = {**compiled.constants, **values}
        for name, process in compiled.to_driver:
            if name in values:
                parameters[name] = process(values[name])
        db.session.flush()
        found = db.session.connection().exec_driver_sql(compiled.sql, parameters).first()
        if found is None:
            return None
        row = list(found)
        for index, read in compiled.from_driver:
            row[index] = read(row[index])
        return compiled.row(row)
