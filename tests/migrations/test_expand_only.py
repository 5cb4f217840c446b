"""Migrations run beside a release that serves and that may have to serve again afterwards."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import Engine, event

from tests.support.apps import made_app
from tests.support.migration_lint import faults
from tests.support.postgres import Server
from tests.support.server import ROOT

DIRECTORY = str(ROOT / "migrations")
FIRST_RELEASED = "0006"  # no host ran a release before this one
NAIVE = {
    "ALTER TABLE users DROP COLUMN name": "takes something away",
    "DROP TABLE orders": "takes something away",
    "ALTER TABLE users RENAME TO people": "takes something away",
    "ALTER TABLE users RENAME COLUMN name TO title": "takes something away",
    "ALTER TABLE users ALTER COLUMN name TYPE varchar(9)": "takes something away",
    "ALTER TABLE users ALTER COLUMN name SET NOT NULL": "takes something away",
    "ALTER TABLE users ALTER name SET NOT NULL": "takes something away",
    "ALTER TABLE users ADD COLUMN a int, DROP COLUMN b": "takes something away",
    "ALTER TABLE users DROP CONSTRAINT uq_users_email": "takes something away",
    "DROP INDEX CONCURRENTLY ix_users_a": "takes something away",
    "CREATE INDEX ix_users_a ON users (a)": "blocks writers",
    "CREATE UNIQUE INDEX IF NOT EXISTS ix_users_a ON users (a)": "blocks writers",
    "DROP INDEX ix_users_a": "blocks readers",
    "ALTER TABLE users ADD COLUMN a integer NOT NULL": "an older release could insert no more",
    "ALTER TABLE users ADD COLUMN a uuid DEFAULT gen_random_uuid()": "rewrites the table",
    "ALTER TABLE users ADD COLUMN a bigserial GENERATED ALWAYS AS (1) STORED": "rewrites",
    "ALTER TABLE users ADD COLUMN a integer UNIQUE": "builds an index under a lock",
    "ALTER TABLE users ADD CONSTRAINT ck_a CHECK (a > 0)": "reads the table under a lock",
    "ALTER TABLE users ADD CONSTRAINT fk_a FOREIGN KEY (a) REFERENCES b": "reads the table",
    "ALTER TABLE users ADD CONSTRAINT uq_a UNIQUE (a)": "builds an index under a lock",
    "UPDATE users SET name = 'a'": "moves data",
    "/* small */ LOCK TABLE users": "locks a table",
    "REINDEX TABLE users": "blocks writers",
}
HARMLESS = (
    "ALTER TABLE users ADD COLUMN a integer DEFAULT 3 NOT NULL",
    "ALTER TABLE users ADD COLUMN IF NOT EXISTS a timestamptz",
    "ALTER TABLE users ADD CONSTRAINT ck_a CHECK (a > 0) NOT VALID",
    "ALTER TABLE users DROP CONSTRAINT ck_users_kind",
    "ALTER TABLE users VALIDATE CONSTRAINT ck_a",
    "CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_users_a ON users (a)",
    "ALTER TABLE users ALTER COLUMN name DROP NOT NULL",
    "GRANT SELECT ON users TO triple_app",
    "UPDATE alembic_version SET version_num = '0008'",
    "SELECT 1",
)


@pytest.mark.no_database
@pytest.mark.parametrize(("statement", "why"), NAIVE.items(), ids=list(NAIVE))
def test_a_statement_that_blocks_or_breaks_is_named(statement: str, why: str) -> None:
    found = faults([statement])
    assert [each for each in found if why in each], found


@pytest.mark.no_database
@pytest.mark.parametrize("statement", HARMLESS)
def test_a_statement_that_lets_others_pass_is_let_pass(statement: str) -> None:
    assert not faults([statement])


@pytest.mark.no_database
def test_a_new_table_is_nobody_elses() -> None:
    table = "CREATE TABLE fresh (id int)"
    assert not faults([table, "CREATE INDEX ix_fresh ON fresh (id)"])
    assert not faults([table, "ALTER TABLE fresh ADD CONSTRAINT ck CHECK (id > 0)"])
    assert faults([table, "CREATE INDEX ix_users_a ON users (id)"])


@pytest.mark.no_database
def test_a_contract_may_take_away_but_not_block() -> None:
    assert not faults(["ALTER TABLE users DROP COLUMN name"], contracts=True)
    assert faults(["DROP INDEX ix_users_a"], contracts=True)


@pytest.mark.no_database
def test_what_an_attempt_cut_short_has_committed_is_found_by_the_next() -> None:
    index = "CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_users_a ON users (a)"
    again = faults(["ALTER TABLE users ADD COLUMN a int", index])
    assert len(again) == 1
    assert again[0].startswith("a second attempt would fail")
    assert not faults(["ALTER TABLE users ADD COLUMN IF NOT EXISTS a int", index])


@pytest.fixture
def engine_at_first(postgres: Server, environment: dict[str, str]) -> Iterator[Engine]:
    """A database of the first release's schema, in an application's context."""
    url = postgres.create_database("expanding")
    values = {**environment, "DATABASE_URL": url}
    with made_app(values) as app, app.app_context():
        upgrade(directory=DIRECTORY, revision=FIRST_RELEASED)
        yield _engine(app)
    postgres.drop_database("expanding")


def _engine(app: Flask) -> Engine:
    engine = app.extensions["sqlalchemy"].engine
    assert isinstance(engine, Engine)
    return engine


def test_every_migration_since_the_first_release_only_expands(engine_at_first: Engine) -> None:
    seen: list[str] = []

    def note(_connection, _cursor, statement, _parameters, _context, _many) -> None:
        seen.append(statement)

    config = Config()
    config.set_main_option("script_location", DIRECTORY)
    scripts = ScriptDirectory.from_config(config)
    later = [each.revision for each in scripts.walk_revisions() if each.revision > FIRST_RELEASED]
    event.listen(engine_at_first, "before_cursor_execute", note)
    wrong = {}
    for revision in sorted(later):
        seen.clear()
        upgrade(directory=DIRECTORY, revision=revision)
        reason = getattr(scripts.get_revision(revision).module, "contract", "")
        wrong[revision] = faults(seen, contracts=bool(reason))
        assert any("alembic_version" in each for each in seen), "the statements were seen"
    assert not {revision: found for revision, found in wrong.items() if found}


@pytest.mark.no_database
def test_a_contract_says_why_in_a_line_that_a_release_can_read() -> None:
    """`setup.sh rollback` looks for the line: it refuses code that needs what is gone."""
    for path in sorted(Path(DIRECTORY, "versions").glob("*.py")):
        text = path.read_text(encoding="utf-8")
        if re.search(r"^contract\b", text, re.MULTILINE):
            assert re.search(r'^contract = "[^"]{20,}"$', text, re.MULTILINE), path.name
