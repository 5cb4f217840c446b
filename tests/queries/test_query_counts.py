"""How many statements each page sends: as many as the table says, however many rows there are."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.queries.counting import Visits, line, read_endpoints, table, visit
from tests.queries.world import ROLES, build
from tests.support.apps import made_app

FEW, MANY = 3, 30


@dataclass(frozen=True)
class Counted:
    """What the pages of two houses sent, which differ in their rows only."""

    endpoints: set[str]
    few: Visits
    many: Visits


@pytest.fixture(scope="module")
def counted(
    environment: dict[str, str],
    fresh_database: Callable[[], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Counted:
    """What was counted, once for all tests of this module."""
    visits: list[Visits] = []
    for rows in (FEW, MANY):
        directory = str(tmp_path_factory.mktemp("house"))
        values = {**environment, "DATABASE_URL": fresh_database(), "DATA_DIR": directory}
        with made_app(values) as app, app.app_context():
            visits.append(visit(build(app, rows)))
            endpoints = read_endpoints(app)
    return Counted(endpoints, *visits)


@pytest.mark.no_database
def test_every_page_is_in_the_table(counted: Counted) -> None:
    assert counted.endpoints - set(table()) == set(), "give these a row in tests/queries/counts.py"
    assert set(table()) - counted.endpoints == set(), "these exist no more"


@pytest.mark.no_database
def test_every_page_was_really_shown(counted: Counted) -> None:
    refused = {asked: visit.status for asked, visit in counted.many.items() if visit.status >= 400}
    assert refused == {}


@pytest.mark.no_database
def test_no_page_asks_more_often_about_many_rows_than_about_few(counted: Counted) -> None:
    growing = {
        asked: dict(visit.sent - counted.few[asked].sent)
        for asked, visit in counted.many.items()
        if visit.count != counted.few[asked].count
    }
    assert growing == {}


@pytest.mark.no_database
def test_each_page_asks_as_often_as_the_table_says(counted: Counted) -> None:
    other = []
    for endpoint, expected in table().items():
        asked = [role for role in ROLES if (endpoint, role) in counted.many]
        counts = {role: counted.many[endpoint, role].count for role in asked}
        if any(str(counts[role]) != expected[ROLES.index(role)] for role in asked):
            other.append(line(endpoint, counts))
    assert other == [], "rows of tests/queries/counts.py as they would be now:\n" + "\n".join(other)
