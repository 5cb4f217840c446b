"""Slow queries by a real pg_stat_statements, with the rights that setup.sh gives."""

import subprocess
import uuid
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import text

from app.database import db
from app.domain.accounts.models import Role
from app.domain.site import slow_statements
from app.domain.site.slow_statements import Standing
from tests import factories
from tests.support.apps import made_app
from tests.support.client import CheckedClient, sign_in
from tests.support.postgres import SPEED_OVER_SAFETY, Server, temporary_server
from tests.support.server import ROOT

PAGE = "/admin/system/statements"
COUNTING = {
    **SPEED_OVER_SAFETY,
    "shared_preload_libraries": "pg_stat_statements",
    "pg_stat_statements.track_utility": "off",
}


def rights(role: str) -> str:
    """Return what setup.sh has PostgreSQL's administrator say."""
    said = subprocess.run(
        ["bash", "-c", f"source app/host/roles.sh; statements_rights {role}"],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    return said.stdout


@pytest.fixture(scope="module")
def counting() -> Iterator[Server]:
    """A server that loads the library."""
    with temporary_server(COUNTING) as server:
        yield server


@pytest.fixture
def app_on(
    counting: Server, environment: dict[str, str]
) -> Iterator[Callable[[Server, str], Flask]]:
    """A function that gives an application on a database of a server."""
    opened = []

    def make(server: Server, name: str) -> Flask:
        made = made_app({**environment, "DATABASE_URL": server.url(name)})
        opened.append(made)
        return made.__enter__()

    yield make
    for made in reversed(opened):
        made.__exit__(None, None, None)


@pytest.fixture
def database(counting: Server) -> Iterator[str]:
    name = f"counted_{uuid.uuid4().hex[:8]}"
    counting.create_database(name)
    yield name
    counting.drop_database(name)


@pytest.fixture(autouse=True)
def db_session() -> None:
    """These tests have databases of their own."""


def test_what_took_time_is_told_without_its_values(
    app_on: Callable[[Server, str], Flask], counting: Server, database: str
) -> None:
    counting.execute(rights("app"), database)
    counting.execute(rights("app"), database)  # as setup.sh does each time
    with app_on(counting, database).app_context():
        for secret in ("s3cret-one", "s3cret-two"):
            db.session.execute(text(f"SELECT length('{secret}') AS canary"))
        db.session.execute(text("SET application_name = 's3cret-name'"))
        db.session.execute(text("CREATE TEMPORARY TABLE s3cret_table (a integer)"))
        db.session.commit()
        report = slow_statements.read()
        assert report.standing is Standing.COUNTED
        told = {each.query: each for each in report.statements}
        (canary,) = (each for query, each in told.items() if "canary" in query)
        assert (canary.query, canary.calls) == ("SELECT length($1) AS canary", 2)
        assert canary.mean_ms >= 0
        assert not [query for query in told if "s3cret" in query]
        assert report.since is not None
        assert slow_statements.reset() is Standing.COUNTED
        db.session.commit()
        assert not [each for each in slow_statements.read().statements if "canary" in each.query]


def test_the_page_shows_them_and_counts_anew(
    app_on: Callable[[Server, str], Flask], counting: Server, database: str
) -> None:
    counting.execute(rights("app"), database)
    app = app_on(counting, database)
    with app.app_context():
        upgrade(directory=str(ROOT / "migrations"))
        admin = factories.make_user(Role.ADMIN)
        db.session.commit()
        client = app.test_client()
        assert isinstance(client, CheckedClient)
        sign_in(client, admin)
        page = client.get(PAGE).text
        assert "Share" in page
        assert "SELECT" in page
        assert client.post_form(f"{PAGE}/reset", page=PAGE).status_code == 303
        assert "Statements are counted anew." in client.get(PAGE).text
        noted = text("SELECT count(*) FROM audit_events WHERE action = 'statements.reset'")
        assert db.session.scalar(noted) == 1
        db.session.rollback()


def test_without_the_extension_the_page_says_how_to_get_it(
    app_on: Callable[[Server, str], Flask], counting: Server, database: str
) -> None:
    with app_on(counting, database).app_context():
        assert slow_statements.read().standing is Standing.NO_EXTENSION
        assert slow_statements.reset() is Standing.NO_EXTENSION
        assert slow_statements.read().role == "app"


def test_without_rights_nothing_is_told_and_nothing_breaks(
    app_on: Callable[[Server, str], Flask], counting: Server, database: str
) -> None:
    counting.execute(rights("app"), database)
    counting.execute("REVOKE ALL ON ALL TABLES IN SCHEMA statements FROM public", database)
    counting.execute(
        "REVOKE EXECUTE ON FUNCTION statements.pg_stat_statements_reset FROM app", database
    )
    with app_on(counting, database).app_context():
        assert slow_statements.read().standing is Standing.REFUSED
        assert slow_statements.reset() is Standing.REFUSED
        assert db.session.scalar(text("SELECT 1")) == 1


def test_a_library_that_is_not_loaded_is_named(
    app_on: Callable[[Server, str], Flask], postgres: Server
) -> None:
    name = f"uncounted_{uuid.uuid4().hex[:8]}"
    postgres.create_database(name)
    try:
        postgres.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements", name)
        with app_on(postgres, name).app_context():
            standing = slow_statements.read().standing
            # A server that is given may well load it.
            assert standing in (Standing.NOT_LOADED, Standing.COUNTED)
    finally:
        postgres.drop_database(name)


@pytest.mark.no_database
@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("SELECT 'it''s', $1\n  FROM a", "SELECT '…', $1 FROM a"),
        ("INSERT INTO a VALUES ($x$ secret $x$, $$other$$)", "INSERT INTO a VALUES ('…', '…')"),
    ],
    ids=["quotes", "dollars"],
)
def test_words_in_quotes_are_left_out(query: str, shown: str) -> None:
    assert slow_statements.plain(query) == shown
