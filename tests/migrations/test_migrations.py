"""The schema's history: from nothing to now, without drift, and back down and up again."""

from collections.abc import Iterator

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask
from flask_migrate import downgrade, upgrade
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import IntegrityError

from app.database import Base
from tests.support.apps import made_app
from tests.support.postgres import Server
from tests.support.server import ROOT

DIRECTORY = str(ROOT / "migrations")


@pytest.fixture
def empty_app(postgres: Server, environment: dict[str, str]) -> Iterator[Flask]:
    """An application whose database has no table at all."""
    url = postgres.create_database("empty")
    with made_app({**environment, "DATABASE_URL": url}) as app, app.app_context():
        yield app
    postgres.drop_database("empty")


@pytest.fixture
def engine(empty_app: Flask) -> Iterator[Engine]:
    """A way to look at `empty_app`'s database from outside."""
    engine = create_engine(empty_app.extensions["settings"].database_url)
    yield engine
    engine.dispose()


def _tables(engine: Engine) -> set[str]:
    query = text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    with engine.connect() as connection:
        return set(connection.scalars(query))


def _columns(engine: Engine) -> list[tuple[str, ...]]:
    query = text(
        "SELECT table_name, column_name, data_type, is_nullable, column_default "
        "FROM information_schema.columns WHERE table_schema = 'public' "
        "AND table_name <> 'alembic_version' ORDER BY 1, 2"
    )
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(query)]


def _is_foreign(name: str | None) -> bool:
    """Whether a table belongs to a library and not to our models."""
    return bool(name) and str(name).startswith(("procrastinate_", "rate_limits", "alembic_version"))


def test_history_has_one_head() -> None:
    config = Config()
    config.set_main_option("script_location", DIRECTORY)
    assert len(ScriptDirectory.from_config(config).get_heads()) == 1


def test_upgrade_from_empty_makes_every_table(engine: Engine) -> None:
    assert not _tables(engine)
    upgrade(directory=DIRECTORY)
    assert set(Base.metadata.tables) <= _tables(engine)


def test_upgraded_schema_equals_the_models(engine: Engine) -> None:
    upgrade(directory=DIRECTORY)
    options = {
        "compare_type": True,
        "include_name": lambda name, kind, _: kind != "table" or not _is_foreign(name),
    }
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts=options)
        drift = compare_metadata(context, Base.metadata)
    assert not drift


def test_downgrade_leaves_nothing_and_upgrade_restores_all(engine: Engine) -> None:
    upgrade(directory=DIRECTORY)
    before = _columns(engine)
    downgrade(directory=DIRECTORY, revision="base")
    assert _tables(engine) <= {"alembic_version"}
    upgrade(directory=DIRECTORY)
    assert _columns(engine) == before


def test_each_step_goes_down_and_up_again(engine: Engine) -> None:
    upgrade(directory=DIRECTORY)
    config = Config()
    config.set_main_option("script_location", DIRECTORY)
    for revision in ScriptDirectory.from_config(config).walk_revisions():
        after = _columns(engine)
        downgrade(directory=DIRECTORY, revision="-1")
        upgrade(directory=DIRECTORY, revision=revision.revision)
        assert _columns(engine) == after, f"{revision.revision} does not come back the same"
        downgrade(directory=DIRECTORY, revision="-1")


def test_an_unknown_role_written_by_hand_is_refused(engine: Engine) -> None:
    """Enums are text with a check in the database, whoever writes the row."""
    upgrade(directory=DIRECTORY)
    insert = text(
        "INSERT INTO users (id, email, name, role, status, created_at) VALUES "
        "(gen_random_uuid(), 'a@example.com', 'A', :role, 'active', now())"
    )
    with engine.begin() as connection:
        connection.execute(insert, {"role": "admin"})
    with pytest.raises(IntegrityError), engine.begin() as connection:
        connection.execute(insert, {"role": "wizard"})
