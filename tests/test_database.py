"""The pool notices that PostgreSQL went away and came back; prepared statements are prepared."""

import uuid

import pytest
from flask import Flask
from sqlalchemy import Integer, Text, bindparam, create_engine, text
from sqlalchemy.exc import DataError, IntegrityError, NotSupportedError, OperationalError

from app.database import Prepared, db, read_alone
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


def test_reading_alone_leaves_no_mark_on_the_connection(committed_app: Flask) -> None:
    read_alone()
    assert db.session.execute(text("SELECT 1")).scalar_one() == 1
    db.session.remove()
    assert db.session.connection().connection.driver_connection.autocommit is False


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
