"""No statement of a page or of the worker reads a whole table of a hundred thousand rows."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from sqlalchemy import Connection, Engine, create_engine, text

from app.database import db
from app.web.live_figures import QUERIES
from tests.queries import crowd
from tests.queries.acts import ACTS, SEARCHES
from tests.queries.counting import NOT_ASKED, ask, table
from tests.queries.world import ROLES, World, build
from tests.support.apps import made_app
from tests.support.postgres import Server
from tests.support.statements import Statements, recorded

# Downloads go through all there is, in pages that the lists show to be found by an index.
WHOLE = {"admin.export_audit", "admin.orders_file", "admin.revenue_file"}
# What may read a whole table, and why.
READS_ALL = {
    ("admin.index", "users"): "totals of the dashboard count everybody",
    ("admin.index", "courses"): "totals of the dashboard count every course",
    ("admin.index", "enrollments"): "totals of the dashboard count every enrollment",
    ("admin.index", "orders"): "who paid twice of late is found among all who paid",
    ("admin.index", "refunds"): "who paid twice of late is found among all who paid",
    ("admin.get_proof", "payment_proofs"): "pictures alike are found by comparing each",
    ("admin.get_proof", "orders"): "pictures alike are found by comparing each",
    ("admin.proof", "payment_proofs"): "pictures alike are found by comparing each",
    ("admin.proof", "orders"): "pictures alike are found by comparing each",
    ("admin.upload_limits", "videos"): "the room taken is the sum of all, asked once an upload",
    ("admin.upload_limits", "renditions"): "the room taken is the sum of all",
    ("admin.system", "procrastinate_jobs"): "counts jobs, which are forgotten after days",
    ("admin.system_jobs", "procrastinate_jobs"): "counts jobs, which are forgotten after days",
    ("live figures", "procrastinate_jobs"): "counts jobs, which are forgotten after days",
    **{
        ("admin.system_outside", table): "the room taken is the sum of all"
        for table in (
            *("videos", "renditions", "course_files", "course_transfers"),
            *("payment_proofs", "data_exports"),
        )
    },
    ("/admin/courses?q=0a1b", "courses"): "staff looks inside words of title, slug and teacher",
    ("/admin/courses?q=0a1b", "users"): "staff looks inside words of title, slug and teacher",
    ("clean up", "login_sessions"): "once a night",
    ("clean up", "webhook_events"): "once a night",
    ("clean up", "videos"): "once an hour, for what was replaced",
    ("clean up", "renditions"): "once an hour, for what was replaced",
    ("clean up", "uploads"): "once an hour, for what ended a month ago",
    ("find accounts due", "ceremonies"): "once a night",
    ("find accounts due", "one_time_tokens"): "once a night",
}
JOB = "SELECT id FROM procrastinate_fetch_job_v2(NULL, 0)"
ONE_WORD = """
SELECT substr(title, 1, 6) FROM courses
WHERE title ~ '^[a-f]{6} ' AND status = 'published' LIMIT 1
"""
SCANS = "SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'procrastinate_jobs'"


def _admin_engine(server: Server, url: str) -> Engine:
    """Return an engine of the administrator's on the database at `url`."""
    parts, name = urlsplit(server.admin_url), urlsplit(url).path
    address = urlunsplit(("postgresql+psycopg2", parts.netloc, name, parts.query, ""))
    return create_engine(address, isolation_level="AUTOCOMMIT")


@dataclass(frozen=True)
class Crowded:
    """A house among many, a connection to ask the planner by, and what it said of statements."""

    world: World
    connection: Connection
    known: dict[str, set[str]]

    def whole_scans(self, statement: str, parameters: Any) -> set[str]:
        """Return the big tables that a statement would read from one end to the other."""
        if statement not in self.known:
            sql = f"EXPLAIN (FORMAT JSON) {statement}"
            plan = self.connection.exec_driver_sql(sql, parameters).scalar_one()[0]["Plan"]
            self.known[statement] = set(_scanned(plan)) & crowd.big_names()
        return self.known[statement]


@pytest.fixture(scope="module")
def crowded(
    postgres: Server,
    environment: dict[str, str],
    fresh_database: Callable[[], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Crowded]:
    """A house among a hundred thousand others, and a connection to ask the planner by."""
    url, directory = fresh_database(), str(tmp_path_factory.mktemp("house"))
    lasting = {"PLAYBACK_LEASE_SECONDS": "600", "PLAYBACK_TOKEN_SECONDS": "600"}
    lasting["MAX_STREAMS"] = "20"
    values = {**environment, **lasting, "DATABASE_URL": url, "DATA_DIR": directory}
    with made_app(values) as app, app.app_context():
        world = build(app, 3)
        engine = _admin_engine(postgres, url)
        with engine.connect() as connection:
            crowd.fill(connection)
            yield Crowded(world, connection, {})
        engine.dispose()


def _scanned(plan: dict[str, Any]) -> Iterator[str]:
    if plan["Node Type"] == "Seq Scan":
        yield plan["Relation Name"]
    for below in plan.get("Plans", ()):
        yield from _scanned(below)


def _readers(crowded: Crowded, name: str, statements: Statements) -> dict[str, set[str]]:
    """Return the statements of `name` that read a whole table without leave, with the tables."""
    found: dict[str, set[str]] = {}
    for statement, parameters in statements.sent:
        if statement.lstrip().upper().startswith(("SELECT", "WITH", "INSERT", "UPDATE", "DELETE")):
            tables = crowded.whole_scans(statement, parameters)
            tables = tables - {table for endpoint, table in READS_ALL if endpoint == name}
            if tables:
                found[statement] = tables
    return found


@pytest.mark.no_database
def test_no_page_reads_a_whole_table(crowded: Crowded) -> None:
    found = {}
    for endpoint, counts in table().items():
        for role in (r for r, count in zip(ROLES, counts, strict=True) if count != NOT_ASKED):
            if endpoint in WHOLE:
                continue
            with recorded() as statements:
                answer = ask(crowded.world, role, crowded.world.path(endpoint))
            assert answer.status < 400, (endpoint, role)
            if readers := _readers(crowded, endpoint, statements):
                found[endpoint, role] = readers
    assert found == {}, _told(found)


@pytest.mark.no_database
def test_no_search_reads_a_whole_table(crowded: Crowded) -> None:
    found = {}
    for role, paths in SEARCHES.items():
        for path in paths:
            with recorded() as statements:
                answer = ask(crowded.world, role, path)
            assert answer.status == 200, path
            if readers := _readers(crowded, path, statements):
                found[path] = readers
    assert found == {}, _told(found)


@pytest.mark.no_database
@pytest.mark.parametrize("sort", ["", "&sort=newest", "&sort=title", "&sort=price"])
def test_a_search_that_finds_few_looks_at_few(crowded: Crowded, sort: str) -> None:
    """The planner takes several rare words, one of which has to be there, for a frequent one."""
    word = crowded.connection.scalar(text(ONE_WORD))
    words = "+or+".join([word, *(f"{letter}q" for letter in "bcdfghjklmnp")])
    with recorded() as statements:
        answer = ask(crowded.world, "anonymous", f"/courses?q={words}{sort}")
    assert answer.status == 200
    assert statements.rows_visited(crowded.connection) < crowd.FEWER


@pytest.mark.no_database
@pytest.mark.parametrize("name", ACTS)
def test_no_act_reads_a_whole_table(crowded: Crowded, name: str) -> None:
    try:
        with recorded() as statements:
            ACTS[name](crowded.world)
    finally:
        db.session.rollback()
    assert len(statements) > 0
    readers = _readers(crowded, name, statements)
    assert readers == {}, _told({name: readers})


@pytest.mark.no_database
def test_no_figure_reads_a_whole_table(crowded: Crowded) -> None:
    """Prometheus asks for these every few seconds, day and night."""
    asked = Statements([(query.sql, None) for query in QUERIES])
    readers = _readers(crowded, "live figures", asked)
    assert readers == {}, _told({"live figures": readers})


@pytest.mark.no_database
def test_the_next_job_is_found_by_an_index(crowded: Crowded) -> None:
    connection = crowded.connection
    count = text("SELECT pg_stat_force_next_flush(), 1"), text(SCANS)
    connection.execute(count[0])
    before = connection.scalar(count[1])
    assert connection.scalar(text(JOB)) is not None
    connection.execute(count[0])
    assert connection.scalar(count[1]) == before


@pytest.mark.no_database
def test_a_statement_that_reads_all_is_seen(crowded: Crowded) -> None:
    statement = "SELECT id FROM users WHERE name = %(name)s"
    assert crowded.whole_scans(statement, {"name": "Lea"}) == {"users"}


def _told(found: Mapping[Any, dict[str, set[str]]]) -> str:
    """Return what reads which tables, a line each."""
    return "\n".join(
        f"{name}: {sorted(tables)}: {' '.join(statement.split())}"
        for name, readers in found.items()
        for statement, tables in readers.items()
    )
