"""Whether a process says it can serve, with a database of its own time, behind it and ahead."""

import pytest
from sqlalchemy import text

from app.database import db
from tests.support.client import CheckedClient


def _ready(client: CheckedClient, revision: str) -> tuple[int, str]:
    db.session.execute(text("UPDATE alembic_version SET version_num = :to"), {"to": revision})
    answer = client.get("/api/health/ready")
    return answer.status_code, answer.get_json()["checks"]["migrations"]


def test_a_database_ahead_of_the_release_serves_it(client: CheckedClient) -> None:
    """Between a migration and the flip, and after a rollback, the code is older than the schema."""
    assert _ready(client, "ffff") == (200, "ok")


def test_a_database_behind_the_release_does_not(client: CheckedClient) -> None:
    assert _ready(client, "0001") == (503, "failed")


def test_a_database_without_tables_does_not(client: CheckedClient) -> None:
    db.session.execute(text("DELETE FROM alembic_version"))
    answer = client.get("/api/health/ready")
    assert (answer.status_code, answer.get_json()["checks"]["migrations"]) == (503, "failed")


@pytest.mark.parametrize("path", ["/api/health", "/api/health/live"])
def test_the_other_health_addresses_answer(client: CheckedClient, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.get_json()["status"]) == (200, "ok")
