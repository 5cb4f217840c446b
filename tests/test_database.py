"""The pool notices that PostgreSQL went away and came back; prepared statements are prepared."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import (
    DateTime,
    Integer,
    Text,
    bindparam,
    create_engine,
    literal,
    select,
    text,
)
from sqlalchemy.exc import DataError, IntegrityError, NotSupportedError, OperationalError

from app import direct
from app.database import Prepared, db, read_alone, write_together
from app.direct import RestingPool
from tests.support.server import wait_until
from tests.support.statements import recorded


def test_connections_cut_while_idle_are_replaced_unseen(committed_app: Flask) -> None:
    with db.engine.connect() as first, db.engine.connect() as second:
        first.execute(text("SELECT 1"))
        second.execute(text("SELECT 1"))
    outside = create_engine(committed_app.extensions["settings"].database_url)
    with outside.connect() as connection:
        cut = connection.execute(
            text(
                "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        ).scalar_one()
    outside.dispose()
    assert cut == 2
    for _ in range(2):
        assert db.session.execute(text("SELECT 1")).scalar_one() == 1
        db.session.remove()


def _two_clocks() -> bool:
    """Whether two statements were told the same time, as they are inside one transaction."""
    return len({db.session.execute(text("SELECT now()")).scalar_one() for _ in range(2)}) == 1


def test_a_session_is_one_transaction_unless_it_reads_alone(committed_app: Flask) -> None:
    assert _two_clocks()
    db.session.remove()
    read_alone()
    assert not _two_clocks()
    db.session.remove()
    assert _two_clocks()


def _driver() -> Any:
    return db.session.connection().connection.driver_connection


def test_reading_alone_leaves_no_mark_on_the_connection(committed_app: Flask) -> None:
    read_alone()
    assert db.session.execute(text("SELECT 1")).scalar_one() == 1
    db.session.remove()
    assert not _driver().autocommit


_DOUBLE = Prepared(
    text("SELECT :word || '%' AS word, 2 * :number AS number, CAST(:nothing AS uuid) AS nothing")
    .bindparams(
        bindparam("word", type_=Text()),
        bindparam("number", type_=Integer()),
        nothing=None,
    )
    .columns(word=Text, number=Integer, nothing=Text)
)


def _known_to_the_server() -> list[str]:
    found = text("SELECT statement FROM pg_prepared_statements WHERE name LIKE 'prepared%'")
    return list(db.session.scalars(found))


def test_a_statement_is_prepared_once_a_connection(committed_app: Flask) -> None:
    for number in (1, 2, 3):
        row = _DOUBLE.first({"word": "50", "number": number})
        assert (row.word, row.number, row.nothing) == ("50%", 2 * number, None)
    assert len([sql for sql in _known_to_the_server() if "AS nothing" in sql]) == 1
    db.session.rollback()
    assert _DOUBLE.all({"word": "a", "number": 4}) == [("a%", 8, None)]


def test_listeners_hear_of_prepared_statements(committed_app: Flask) -> None:
    with recorded() as statements:
        _DOUBLE.first({"word": "a", "number": 1})
    assert len(statements) == 1


def test_refusals_of_the_server_are_sqlalchemys_errors(committed_app: Flask) -> None:
    with pytest.raises(DataError):
        _DOUBLE.first({"word": "a", "number": 2**31})
    db.session.rollback()
    broken = Prepared(
        text("INSERT INTO categories (id) VALUES (CAST(:id AS uuid)) RETURNING slug")
        .bindparams(bindparam("id", type_=Text()))
        .columns(slug=Text)
    )
    with pytest.raises(IntegrityError) as refused:
        broken.first({"id": str(uuid.uuid4())})
    assert not refused.value.connection_invalidated
    db.session.rollback()
    assert _DOUBLE.first({"word": "a", "number": 1}).number == 2


def test_a_connection_that_dies_in_use_is_given_up(committed_app: Flask) -> None:
    mine = db.session.execute(text("SELECT pg_backend_pid()")).scalar_one()
    outside = create_engine(committed_app.extensions["settings"].database_url)
    with outside.connect() as connection:
        connection.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": mine})
    outside.dispose()
    with pytest.raises(OperationalError) as lost:
        _DOUBLE.first({"word": "a", "number": 1})
    assert lost.value.connection_invalidated
    db.session.rollback()
    assert _DOUBLE.first({"word": "a", "number": 1}).number == 2


def _pid() -> int:
    row = _WHO_SERVES.first({})
    return int(row.pid)


_WHO_SERVES = Prepared(
    text("SELECT pg_backend_pid() AS pid, now() AS at").columns(
        pid=Integer, at=DateTime(timezone=True)
    )
)


def _pool() -> RestingPool:
    pool = db.engine.pool
    assert isinstance(pool, RestingPool)
    return pool


def _held() -> int:
    return _pool().in_use()


def test_prepared_statements_that_read_alone_share_one_connection(committed_app: Flask) -> None:
    read_alone()
    assert len({_pid() for _ in range(3)}) == 1
    assert _held() == 1
    db.session.remove()
    assert _held() == 0


def test_a_request_never_holds_two_connections(committed_app: Flask) -> None:
    """As many connections as threads: whoever took a second one would starve the others."""
    read_alone()
    _pid()
    db.session.execute(text("SELECT 1"))
    assert _held() == 1
    _pid()
    assert _held() == 1
    db.session.remove()
    assert _held() == 0


def test_writing_together_after_reading_alone_is_one_transaction(committed_app: Flask) -> None:
    read_alone()
    _pid()
    assert write_together()
    first = _WHO_SERVES.first({})
    assert _WHO_SERVES.first({}).at == first.at
    assert db.session.scalar(text("SELECT now()")) == first.at
    assert _held() == 1
    db.session.rollback()
    assert not _driver().autocommit


def test_a_direct_connection_that_dies_is_given_up(committed_app: Flask) -> None:
    read_alone()
    mine = _pid()
    outside = create_engine(committed_app.extensions["settings"].database_url)
    with outside.connect() as connection:
        connection.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": mine})
    outside.dispose()
    with pytest.raises(OperationalError) as lost:
        _pid()
    assert lost.value.connection_invalidated
    assert _held() == 0
    assert _pid() != mine


def test_a_migration_under_way_costs_one_answer(committed_app: Flask) -> None:
    db.session.execute(text("CREATE TABLE changing (id integer)"))
    db.session.execute(text("INSERT INTO changing VALUES (1)"))
    db.session.commit()
    read = Prepared(text("SELECT id FROM changing").columns(id=Integer))
    try:
        assert read.first({}).id == 1
        db.session.commit()
        db.session.execute(text("ALTER TABLE changing ALTER COLUMN id TYPE bigint"))
        db.session.commit()
        with pytest.raises(NotSupportedError):
            read.first({})
        db.session.rollback()
        assert read.first({}).id == 1
    finally:
        db.session.rollback()
        db.session.execute(text("DROP TABLE changing"))
        db.session.commit()


def test_an_error_does_not_print_what_the_statement_was_given() -> None:
    """Errors reach the log; addresses and links must not."""
    db.session.execute(text("SET LOCAL statement_timeout = 50"))
    with pytest.raises(OperationalError, match="statement timeout") as failed:
        db.session.execute(text("SELECT pg_sleep(30), :email"), {"email": "lea@example.com"})
    db.session.rollback()
    assert "lea@example.com" not in str(failed.value)


def test_a_connection_rests_between_requests_that_read_alone(committed_app: Flask) -> None:
    served = set()
    for _ in range(3):
        read_alone()
        served.add(_pid())
        db.session.remove()
    assert len(served) == 1
    assert _held() == 0


def test_a_session_gets_a_connection_that_rests(committed_app: Flask) -> None:
    taken = [direct.take(db.engine) for _ in range(_pool().size())]
    for connection in taken[1:]:
        connection.rest()
    others = [db.engine.connect() for _ in taken[2:]]
    assert db.session.execute(text("SELECT 1")).scalar_one() == 1
    assert _held() == _pool().size()
    db.session.remove()
    for other in others:
        other.close()
    taken[0].rest()
    assert _held() == 0


def test_whoever_waits_gets_the_connection_that_would_rest(committed_app: Flask) -> None:
    taken = [direct.take(db.engine) for _ in range(_pool().size())]
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(db.engine.raw_connection)
        wait_until(lambda: _pool()._coming == 1, 2, "somebody waits")
        taken[0].rest()
        waiting.result(2).close()
    for connection in taken[1:]:
        connection.rest()
    assert _held() == 0


def _work(app: Flask, turn: int) -> None:
    """Do as a request does that reads alone, or in a transaction, or first so and then so."""
    with app.app_context():
        if turn % 3:
            read_alone()
            _pid()
        if turn % 3 != 1:
            db.session.execute(text("SELECT 1"))


def test_twice_as_many_threads_as_connections_get_their_turns(committed_app: Flask) -> None:
    turns = range(400)
    with ThreadPoolExecutor(2 * _pool().size()) as threads:
        list(threads.map(lambda turn: _work(committed_app, turn), turns))
    assert _held() == 0
    mine = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
    assert db.session.scalar(mine) <= _pool().size()


def test_connections_cut_while_they_rest_are_replaced_unseen(committed_app: Flask) -> None:
    read_alone()
    mine = _pid()
    db.session.remove()
    outside = create_engine(committed_app.extensions["settings"].database_url)
    with outside.connect() as connection:
        connection.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": mine})
    outside.dispose()
    read_alone()
    assert _pid() != mine


def test_a_pool_that_is_disposed_of_closes_what_rests(committed_app: Flask) -> None:
    read_alone()
    mine = _pid()
    db.session.remove()
    db.engine.dispose()
    alive = text("SELECT count(*) FROM pg_stat_activity WHERE pid = :pid")
    wait_until(lambda: db.session.scalar(alive, {"pid": mine}) == 0, 5, "it is closed")


def test_values_that_nobody_can_change_are_written_into_the_statement(
    committed_app: Flask,
) -> None:
    found = Prepared(
        select(literal("it's 100 %").label("word"), bindparam("n", type_=Integer()).label("n"))
    )
    assert found.first({"n": 3}) == ("it's 100 %", 3)
    assert any("it''s 100 %" in sql for sql in _known_to_the_server())
