"""The database handle, the declarative base, live connections, and statements prepared once."""

import enum
import itertools
import re
import select
import uuid
from collections import namedtuple
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from types import SimpleNamespace
from typing import Any, cast

import psycopg2
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session as FlaskSession
from psycopg2.errors import FeatureNotSupported
from sqlalchemy import (
    Connection,
    DateTime,
    Dialect,
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
from sqlalchemy.exc import DBAPIError, InvalidatePoolError
from sqlalchemy.orm import DeclarativeBase, registry
from sqlalchemy.pool import Pool, PoolProxiedConnection
from sqlalchemy.types import NullType, TypeEngine

NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
READS_ALONE = "reads_alone"
READS_FROM = "reads_from"
DIRECT = "direct"


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
    """The request's session; `read_alone` makes it send each statement without a transaction.

    It works on the primary; only one that `reading_from` made is bound elsewhere.
    """

    def direct(self) -> tuple[Engine, PoolProxiedConnection] | None:
        """Return the engine and a connection of it that commits each statement.

        None when this session is, or has to be, in a transaction. The connection is kept until the
        session needs one itself, so that a request never holds two.
        """
        if not self.info.get(READS_ALONE) or self._transaction is not None:
            return None
        kept: tuple[Engine, PoolProxiedConnection] | None = self.info.get(DIRECT)
        if kept is not None:
            return kept
        engine = self.info.get(READS_FROM) or db.engine
        if not isinstance(engine, Engine):
            return None
        connection = _checked_out(engine)
        connection.driver_connection.autocommit = True  # type: ignore[union-attr]
        connection.info[READS_ALONE] = True
        self.info[DIRECT] = engine, connection
        return engine, connection

    def end_direct(self) -> None:
        """Give the connection of `direct` back, if there is one."""
        kept = self.info.pop(DIRECT, None)
        if kept is not None:
            kept[1].close()

    def close(self) -> None:
        """Give back all that is held."""
        self.end_direct()
        super().close()

    def get_bind(self, *args: Any, **options: Any) -> Engine | Connection:
        """Return the engine, or its autocommitting twin on the same pool."""
        self.end_direct()
        bind = self.info.get(READS_FROM) or super().get_bind(*args, **options)
        if self.info.get(READS_ALONE) and isinstance(bind, Engine):
            return _autocommitting(bind)
        return bind


def _checked_out(engine: Engine) -> PoolProxiedConnection:
    """Return a connection of the pool. Raises OperationalError, TimeoutError."""
    try:
        return engine.raw_connection()
    except psycopg2.Error as error:
        raise _as_sqlalchemy(engine.dialect, None, error, is_gone=False) from error


@lru_cache(maxsize=8)
def _autocommitting(engine: Engine) -> Engine:
    return engine.execution_options(**{READS_ALONE: True})


# The driver's own switch says nothing to the server; `isolation_level="AUTOCOMMIT"` would send it
# two settings a request.
@event.listens_for(Engine, "begin")
def _autocommit(connection: Connection) -> None:
    if connection.get_execution_options().get(READS_ALONE):
        _driver_of(connection).autocommit = True
        connection.info[READS_ALONE] = True


@event.listens_for(Pool, "reset")
def _no_autocommit(driver: Any, record: Any, _state: Any) -> None:
    if record is not None and record.info.pop(READS_ALONE, False):
        driver.autocommit = False


def _driver_of(connection: Connection) -> Any:
    return connection.connection.driver_connection


db = SQLAlchemy(model_class=Base, session_options={"class_": Session})


def read_alone() -> None:
    """Send this session's statements without BEGIN and ROLLBACK around them.

    For requests that read, or write one statement at most: a third of the round trips.
    """
    db.session.info[READS_ALONE] = True


def write_together() -> bool:
    """Take `read_alone` back; True when it held, and the caller must commit what was begun so."""
    return bool(db.session.info.pop(READS_ALONE, False))


@contextmanager
def reading_from(engine: Engine) -> Iterator[None]:
    """Let `db.session` be another one for the block, which reads from `engine`.

    What it loads is detached afterwards and never meets the objects of the request's own session.
    """
    registry = db.session.registry
    own = registry()
    reader = db.session.session_factory(info={READS_ALONE: True, READS_FROM: engine})
    registry.set(reader)
    try:
        yield
    finally:
        registry.set(own)
        reader.close()


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
    """A statement as the server prepares it, and what its types do to values on both ways."""

    sql: str
    prepare: str
    execute: str
    names: tuple[str, ...]
    constants: dict[str, Any]
    to_driver: tuple[tuple[str, Callable[[Any], Any]], ...]
    from_driver: tuple[tuple[int, Callable[[Any], Any]], ...]
    row: Callable[..., Any]


PLACEHOLDER = re.compile(r"%\((\w+)\)s")


class Prepared:
    """A statement of the hot path: compiled once, planned once a connection by the server.

    It runs in the session's transaction, past SQLAlchemy's machinery, and gives plain named
    tuples. `statement` must say which columns it returns (`select`, `returning`,
    `text().columns()`) and hold no `IN` list; parameters that the server cannot guess the type of
    need one.
    """

    _numbers = itertools.count(1)

    def __init__(self, statement: Any) -> None:
        self._statement = statement
        self._name = f"prepared_{next(self._numbers)}"

    @cached_property
    def _compiled(self) -> _Compiled:
        dialect = db.engine.dialect
        compiled = self._statement.compile(dialect=dialect)
        types = {name: bind.type for bind, name in compiled.bind_names.items()}
        binders = {
            name: process
            for name, kind in types.items()
            if (process := kind.dialect_impl(dialect).bind_processor(dialect))
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
        names = tuple(dict.fromkeys(PLACEHOLDER.findall(str(compiled))))
        numbers = {name: f"${number}" for number, name in enumerate(names, 1)}
        body = PLACEHOLDER.sub(lambda found: numbers[found[1]], str(compiled)).replace("%%", "%")
        declared = _list(_sql_type(types[name], dialect) for name in names)
        return _Compiled(
            sql=str(compiled),
            prepare=f"PREPARE {self._name}{declared} AS {body}",
            execute=f"EXECUTE {self._name}{_list('%s' for _ in names)}",
            names=names,
            constants=constants,
            to_driver=tuple(binders.items()),
            from_driver=tuple((index, read) for index, read in readers if read),
            row=named("Row", [column.key for column in columns])._make,
        )

    def first(self, values: Mapping[str, Any]) -> Any:
        """Run the statement with `values`; return its first row as a named tuple, or None."""
        found = self._run(values).fetchone()
        return None if found is None else self._read(found)

    def all(self, values: Mapping[str, Any]) -> list[Any]:
        """Run the statement with `values`; return its rows as named tuples."""
        return [self._read(found) for found in self._run(values).fetchall()]

    def _read(self, found: Any) -> Any:
        row = list(found)
        for index, read in self._compiled.from_driver:
            row[index] = read(row[index])
        return self._compiled.row(row)

    def _run(self, values: Mapping[str, Any]) -> Any:
        compiled = self._compiled
        parameters = {**compiled.constants, **values}
        for name, process in compiled.to_driver:
            if name in values:
                parameters[name] = process(values[name])
        session = cast(Session, db.session())
        session.flush()
        held = session.direct()
        bind: Any
        connection: Any
        if held is None:
            bind = connection = session.connection()
            driver = _driver_of(connection)
        else:
            bind, connection = held
            driver = connection.driver_connection
        known = connection.info.setdefault("prepared", set())
        cursor = driver.cursor()
        # Whoever counts or times SQLAlchemy's statements hears of these, too.
        heard = (connection, cursor, compiled.sql, parameters, SimpleNamespace(), False)
        for tell in bind.dispatch.before_cursor_execute:
            tell(*heard)
        try:
            if self._name not in known:
                cursor.execute(compiled.prepare)
                known.add(self._name)
            cursor.execute(compiled.execute, [parameters[name] for name in compiled.names])
        except psycopg2.Error as error:
            is_gone = _is_gone(bind.dialect, driver, error)
            if is_gone:
                connection.invalidate(error)
                session.end_direct()
            raise _as_sqlalchemy(bind.dialect, compiled.sql, error, is_gone=is_gone) from error
        for tell in bind.dispatch.after_cursor_execute:
            tell(*heard)
        return cursor


def _list(items: Iterable[str]) -> str:
    """Return `items` in parentheses; none of them is nothing at all."""
    listed = ", ".join(items)
    return f" ({listed})" if listed else ""


def _sql_type(kind: TypeEngine[Any], dialect: Any) -> str:
    if isinstance(kind, NullType):
        return "unknown"  # the server takes what the place asks for
    return str(dialect.type_compiler_instance.process(kind))


def _is_gone(dialect: Dialect, driver: Any, error: Any) -> bool:
    """Whether the connection is of no more use: its server is gone, or a migration changed a
    column's type under a prepared statement.
    """
    return isinstance(error, FeatureNotSupported) or dialect.is_disconnect(error, driver, None)


def _as_sqlalchemy(
    dialect: Dialect, statement: str | None, error: psycopg2.Error, *, is_gone: bool
) -> Exception:
    """Return what SQLAlchemy would raise."""
    failure: Exception = DBAPIError.instance(
        statement,
        None,
        error,
        psycopg2.Error,
        connection_invalidated=is_gone,
        dialect=dialect,
    )
    return failure
