"""The doctor and the roles: the application's own changes rows, no tables, and never the trail."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from app.cli.checks.findings import State
from tests.cli.checks.conftest import Doctor
from tests.support.postgres import Server

ROLE = "doctors_app"
GRANTED = (
    f"GRANT USAGE ON SCHEMA public TO {ROLE}",
    f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {ROLE}",
    f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {ROLE}",
    """DO $$ DECLARE name regclass; BEGIN
        FOR name IN SELECT tgrelid FROM pg_trigger WHERE tgname LIKE '%\\_append\\_only' LOOP
            EXECUTE format('REVOKE UPDATE, DELETE ON %s FROM doctors_app', name);
        END LOOP; END $$""",
)


def _as(url: str, role: str) -> str:
    parts = urlsplit(url)
    where = f"{role}@{parts.netloc.rpartition('@')[2]}"
    return f"{parts.scheme}://{where}{parts.path}?{parts.query}"


@pytest.fixture
def patient(doctor: Doctor, database: str, postgres: Server) -> Iterator[Doctor]:
    """A production whose role has what it needs and no more; the owner migrates."""
    postgres.execute(f"CREATE ROLE {ROLE} LOGIN")
    for statement in GRANTED:
        postgres.execute(statement, database)
    owner = doctor.settings.database_url
    doctor.enter_production(database_url=_as(owner, ROLE), database_migrator_url=owner)
    yield doctor
    postgres.execute(f"DROP OWNED BY {ROLE}", database)
    postgres.execute(f"DROP ROLE {ROLE}")


def test_a_role_with_what_it_needs_is_well(patient: Doctor) -> None:
    for name in ("grants", "role", "migrator"):
        patient.one(name, State.OK)


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (f"GRANT CREATE ON SCHEMA public TO {ROLE}", "creates_tables"),
        (f"GRANT TRUNCATE ON courses TO {ROLE}", "may empty at once courses"),
        (f"GRANT UPDATE ON audit_events TO {ROLE}", "append-only: audit_events"),
        (f"ALTER TABLE courses OWNER TO {ROLE}", "owns courses"),
        (f"ALTER ROLE {ROLE} CREATEDB", "creates_databases"),
    ],
    ids=["create", "truncate", "rewrite", "own", "createdb"],
)
def test_a_role_that_may_too_much_is_told(
    patient: Doctor, database: str, postgres: Server, statement: str, said: str
) -> None:
    postgres.execute(statement, database)
    found = patient.look("role")
    assert {each.state for each in found} == {State.FAIL}
    assert any(said in each.detail for each in found), found
    assert "./setup.sh production" in found[0].remedy
    postgres.execute("REASSIGN OWNED BY doctors_app TO CURRENT_USER", database)


def test_a_role_that_may_too_little_is_told(
    patient: Doctor, database: str, postgres: Server
) -> None:
    postgres.execute(f"REVOKE INSERT ON mails FROM {ROLE}", database)
    found = patient.one("grants", State.FAIL)
    assert "may not use mails" in found.detail
    assert "./setup.sh production" in found.remedy


def test_one_role_for_all_is_a_warning_in_production_and_usual_elsewhere(
    doctor: Doctor, database: str
) -> None:
    assert "as is usual" in doctor.one("role", State.OK).detail
    doctor.enter_production()
    found = doctor.look("role")
    assert {each.state for each in found} == {State.WARN}
    assert "DATABASE_MIGRATOR_URL" in found[0].remedy
    assert "not set" in doctor.one("migrator", State.SKIP).detail


def test_a_migrator_that_owns_nothing_is_told(patient: Doctor) -> None:
    patient.change(database_migrator_url=patient.settings.database_url)
    assert "does not own" in patient.one("migrator", State.FAIL).detail
