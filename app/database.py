"""The database handle, the declarative base, live connections, and statements prepared once."""

import enum
import itertools
import select
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property, lru_cache
from types import SimpleNamespace
from typing import Any, cast

import psycopg2
from flask import g, has_app_context
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session as FlaskSession
from psycopg2.errors import FeatureNotSupported
from sqlalchemy import (
    ColumnElement,
    Connection,
    DateTime,
    Dialect,
    Engine,
    Enum,
    MetaData,
    Text,
    Uuid,
    event,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.orm import DeclarativeBase, registry, scoped_session
from sqlalchemy.pool import Pool

from app import direct
from app.compiled import Compiled, compile_for_server
from app.direct import COMMITS_ALONE, Direct, as_sqlalchemy

NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
# A column for a statement whose commit does not wait for the disk (adr/0016): what opens a lease or
# goes on with it, and what a sign-in was last seen at. If the server dies within the next half
# second, a player starts again and some seconds are unwatched.
NO_WAIT: ColumnElement[str] = func.set_config("synchronous_commit", "off", True).label("no_wait")
READS_FROM = "reads_from"
ALONE = "alone"


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


class Alone:
    """What a request that reads alone reads from, and the connection it has for that."""

    __slots__ = ("direct", "reads_from")

    def __init__(self, reads_from: Engine | None = None) -> None:
        self.reads_from = reads_from
        self.direct: Direct | None = None

    def connection(self) -> Direct | None:
        """Return the connection, which is kept until a session needs one; a request holds one.

        None where there is no pool to take it from. Raises OperationalError, TimeoutError.
        """
        if self.direct is None:
            engine: Any = self.reads_from or db.engine
            if not isinstance(engine, Engine):
                return None
            self.direct = direct.take(engine)
        return self.direct

    def end(self) -> None:
        """Let others have the connection."""
        if self.direct is not None:
            self.direct.rest()
            self.direct = None

    def make_way(self) -> None:
        """Let the pool have the connection, because a session needs one."""
        if self.direct is not None:
            self.direct.give_back()
            self.direct = None


def _alone() -> Alone | None:
    state: Any = g._get_current_object()  # noqa: SLF001 - Flask's way
    found: Alone | None = state.__dict__.get(ALONE)
    return found


class Session(FlaskSession):
    """The request's session; `read_alone` makes it send each statement without a transaction.

    It works on the primary; only one that `reading_from` made is bound elsewhere.
    """

    def get_bind(self, *args: Any, **options: Any) -> Engine | Connection:
        """Return the engine, or its autocommitting twin on the same pool."""
        alone = _alone() if has_app_context() else None
        if alone is not None:
            alone.make_way()
        bind: Engine | Connection = self.info.get(READS_FROM) or super().get_bind(*args, **options)
        if alone is not None and isinstance(bind, Engine):
            return _committing_alone(bind)
        return bind


class Sessions(scoped_session[Session]):
    """The sessions of requests: one that was never asked for anything is not made to end."""

    def commit(self) -> None:
        """Commit what the session holds, if there is one."""
        if self.registry.has():
            super().commit()

    def remove(self) -> None:
        """End the session, and reading alone with it."""
        if has_app_context():
            write_together()
        super().remove()


class Database(SQLAlchemy):
    """Flask-SQLAlchemy with sessions of ours."""

    def _make_scoped_session(self, options: dict[str, Any]) -> Any:
        made = super()._make_scoped_session(options)
        return Sessions(cast(Any, made.session_factory), made.registry.scopefunc)


@lru_cache(maxsize=8)
def _committing_alone(engine: Engine) -> Engine:
    return engine.execution_options(**{COMMITS_ALONE: True})


@event.listens_for(Engine, "begin")
def _switch(connection: Connection) -> None:
    if connection.get_execution_options().get(COMMITS_ALONE):
        direct.switch(_driver_of(connection), connection)


def _driver_of(connection: Connection) -> Any:
    return connection.connection.driver_connection


db = Database(model_class=Base, session_options={"class_": Session})


def read_alone() -> None:
    """Send this request's statements without BEGIN and ROLLBACK around them.

    For requests that read, or write one statement at most: a third of the round trips.
    """
    state: Any = g._get_current_object()  # noqa: SLF001 - Flask's way
    state.__dict__.setdefault(ALONE, Alone())


def reads_alone() -> bool:
    """Whether each statement commits itself, so that nothing can be written together."""
    return _alone() is not None


def write_together() -> bool:
    """Take `read_alone` back; True when it held, and the caller must commit what was begun so."""
    alone: Alone | None = g.pop(ALONE, None)
    if alone is None:
        return False
    alone.end()
    return True


@contextmanager
def reading_from(engine: Engine) -> Iterator[None]:
    """Let `db.session` be another one for the block, which reads from `engine`.

    What it loads is detached afterwards and never meets the objects of the request's own session.
    """
    registry = db.session.registry
    own, alone = registry(), g.pop(ALONE, None)
    reader = db.session.session_factory(info={READS_FROM: engine})
    registry.set(reader)
    setattr(g, ALONE, Alone(engine))
    try:
        yield
    finally:
        write_together()
        registry.set(own)
        reader.close()
        if alone is not None:
            setattr(g, ALONE, alone)


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
    def _compiled(self) -> Compiled:
        return compile_for_server(self._statement, self._name, db.engine.dialect)

    def first(self, values: Mapping[str, Any]) -> Any:
        """Run the statement with `values`; return its first row as a named tuple, or None."""
        found = self._run(values).fetchone()
        return None if found is None else self._read(found)

    def all(self, values: Mapping[str, Any]) -> list[Any]:
        """Run the statement with `values`; return its rows as named tuples."""
        return [self._read(found) for found in self._run(values).fetchall()]

    def _read(self, found: Any) -> Any:
        compiled = self._compiled
        if not compiled.from_driver:
            return compiled.row(found)
        row = list(found)
        for index, read in compiled.from_driver:
            row[index] = read(row[index])
        return compiled.row(row)

    def _run(self, values: Mapping[str, Any]) -> Any:
        session = _begun_session()
        alone = _alone() if session is None else None
        held = alone.connection() if alone else None
        if held:
            return self._send(values, held.engine, held.pooled, held.driver, held.prepared)
        session = session or cast(Session, db.session())
        session.flush()
        connection = session.connection()
        prepared = connection.info.setdefault("prepared", set())
        return self._send(values, connection, connection, _driver_of(connection), prepared)

    def _send(
        self, values: Mapping[str, Any], bind: Any, connection: Any, driver: Any, known: set[str]
    ) -> Any:
        compiled = self._compiled
        arguments = [
            (process(values[name]) if process else values[name]) if name in values else default
            for name, process, default in compiled.parameters
        ]
        cursor = driver.cursor()
        # Whoever counts or times SQLAlchemy's statements hears of these, too.
        heard = (connection, cursor, compiled.sql, arguments, SimpleNamespace(), False)
        for tell in bind.dispatch.before_cursor_execute:
            tell(*heard)
        try:
            if self._name not in known:
                cursor.execute(compiled.prepare, compiled.literals or None)
                known.add(self._name)
            cursor.execute(compiled.execute, arguments)
        except psycopg2.Error as error:
            is_gone = _is_gone(bind.dialect, driver, error)
            if is_gone:
                connection.invalidate(error)
                if (alone := _alone()) is not None:
                    alone.make_way()
            raise as_sqlalchemy(bind.dialect, compiled.sql, error, is_gone=is_gone) from error
        for tell in bind.dispatch.after_cursor_execute:
            tell(*heard)
        return cursor


def _begun_session() -> Session | None:
    """Return the request's session if there is one that has begun a transaction."""
    registry = db.session.registry
    session: Session | None = registry.registry.get(registry.scopefunc())
    if session is None or session._transaction is None:  # noqa: SLF001 - the one thing to know
        return None
    return session


def _is_gone(dialect: Dialect, driver: Any, error: Any) -> bool:
    """Whether the connection is of no more use: its server is gone, or a migration changed a
    column's type under a prepared statement.
    """
    return isinstance(error, FeatureNotSupported) or dialect.is_disconnect(error, driver, None)
