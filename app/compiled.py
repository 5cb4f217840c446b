"""Statements written so that the server can prepare them, with what their types do to values."""

import re
from collections import namedtuple
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Dialect, Float, Numeric
from sqlalchemy.types import NullType, TypeEngine

PLACEHOLDER = re.compile(r"%\((\w+)\)s")
UNKNOWN = "unknown"

Process = Callable[[Any], Any] | None


@dataclass(frozen=True)
class Compiled:
    """A statement as the server prepares it, and what its types do to values on both ways.

    `parameters` are what EXECUTE is given: a name, what makes the driver's value of one, and the
    default. `literals` are what no caller can change; PREPARE writes them into the statement.
    """

    sql: str
    prepare: str
    literals: dict[str, Any]
    execute: str
    parameters: tuple[tuple[str, Process, Any], ...]
    from_driver: tuple[tuple[int, Callable[[Any], Any]], ...]
    row: Callable[..., Any]


@dataclass(frozen=True)
class _Bind:
    """One value of a statement: its type to the server, its way to the driver, its default."""

    sql_type: str
    process: Process
    default: Any
    is_fixed: bool


def compile_for_server(statement: Any, name: str, dialect: Dialect) -> Compiled:
    """Return `statement` as the server can prepare it under `name`.

    It must say which columns it returns.
    """
    compiled = statement.compile(dialect=dialect)
    sql, binds = str(compiled), _binds(compiled, dialect)
    used = dict.fromkeys(PLACEHOLDER.findall(sql))
    given = {key: binds[key] for key in used if not binds[key].is_fixed}
    fixed = {key: binds[key] for key in used if binds[key].is_fixed}
    written = {key: f"${number}" for number, key in enumerate(given, 1)}
    written |= {key: f"CAST(%({key})s AS {bind.sql_type})" for key, bind in fixed.items()}
    body = PLACEHOLDER.sub(lambda found: written[found[1]], sql)
    if not fixed:  # given nothing, the driver leaves each `%%` as it is
        body = body.replace("%%", "%")
    columns = list(statement.exported_columns)
    named: Any = namedtuple  # noqa: PYI024 - the fields are known at run time only
    return Compiled(
        sql=sql,
        prepare=f"PREPARE {name}{_list(bind.sql_type for bind in given.values())} AS {body}",
        literals={key: bind.default for key, bind in fixed.items()},
        execute=f"EXECUTE {name}{_list('%s' for _ in given)}",
        parameters=tuple((key, bind.process, bind.default) for key, bind in given.items()),
        from_driver=_readers(columns, dialect),
        row=named("Row", [column.key for column in columns])._make,
    )


def _binds(compiled: Any, dialect: Dialect) -> dict[str, _Bind]:
    values = compiled.construct_params(_check=False)
    found = {}
    for bind, key in compiled.bind_names.items():
        process = bind.type.dialect_impl(dialect).bind_processor(dialect)
        value, sql_type = values[key], _sql_type(bind.type, dialect)
        found[key] = _Bind(
            sql_type,
            process,
            process(value) if process and value is not None else value,
            bind.unique and not bind.required and sql_type != UNKNOWN,
        )
    return found


def _readers(columns: list[Any], dialect: Dialect) -> tuple[tuple[int, Callable[[Any], Any]], ...]:
    readers = (
        (index, column.type.dialect_impl(dialect).result_processor(dialect, None))
        for index, column in enumerate(columns)
        if not isinstance(column.type, (Numeric, Float))  # the driver's own numbers are right
    )
    return tuple((index, read) for index, read in readers if read)


def _list(items: Iterable[str]) -> str:
    """Return `items` in parentheses; none of them is nothing at all."""
    listed = ", ".join(items)
    return f" ({listed})" if listed else ""


def _sql_type(kind: TypeEngine[Any], dialect: Any) -> str:
    if isinstance(kind, NullType):
        return UNKNOWN  # the server takes what the place asks for
    return str(dialect.type_compiler_instance.process(kind))
