"""The rows of the table: what is asked of the servers, and what counts as reached."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from tests.bench import furniture
from tests.bench.load import Request
from tests.bench.rounds import Results, Scenario, difference, ratio
from tests.bench.site import Site

# The prototype that this product replaces, measured before on two cores (PM2, two processes).
R1_FRESH_MB = 364
R1_LOADED_MB = 758


@dataclass(frozen=True)
class Goal:
    """One figure of a row and its limit; `unit` says what is compared."""

    row: int
    what: str
    limit: float
    unit: str
    reached: float
    is_floor: bool = False

    @property
    def is_met(self) -> bool:
        """Whether the figure keeps to its limit."""
        return self.reached >= self.limit if self.is_floor else self.reached <= self.limit


def _hello(_: Site) -> list[Request]:
    return [Request("GET", "/")]


def _live(_: Site) -> list[Request]:
    return [Request("GET", "/api/health/live")]


def _me(_: Site) -> list[Request]:
    furniture.see_everybody()
    return furniture.me_requests()


def _me_again(_: Site) -> list[Request]:
    """Ask as people who were not seen for a minute: each is written down once."""
    furniture.see_everybody(timedelta(minutes=2))
    return furniture.me_requests(furniture.PEOPLE)


def _catalog(_: Site) -> list[Request]:
    furniture.see_everybody()
    return furniture.catalog_requests()


def _fresh(prepare: Callable[..., list[Request]]) -> Callable[[Site], list[Request]]:
    """End the streams of the round before, then prepare."""

    def prepared(site: Site) -> list[Request]:
        furniture.end_streams()
        furniture.see_everybody()
        return prepare(site.lesson_id)

    return prepared


BARE = Scenario("R2 bare WSGI", lambda site: site.bare, _hello)
FLASK = Scenario("bare Flask", lambda site: site.flask, _hello)
ANONYMOUS = Scenario("health, anonymous", lambda site: site.ours, _live)
SIGNED_IN = Scenario("who am I, signed in", lambda site: site.ours, _me)
SEEN_AGAIN = Scenario("who am I, after a minute", lambda site: site.ours, _me_again)
CATALOG = Scenario("catalog, signed in", lambda site: site.ours, _catalog)
TOKEN = Scenario("POST token", lambda site: site.ours, _fresh(furniture.token_requests))
MANIFEST = Scenario("GET manifest", lambda site: site.ours, _fresh(furniture.manifest_requests))
VARIANT = Scenario("variant of 2 hours", lambda site: site.ours, _fresh(furniture.variant_requests))
BEAT = Scenario("heartbeat", lambda site: site.ours, _fresh(furniture.heartbeat_requests))

SCENARIOS: dict[int, tuple[Scenario, ...]] = {
    2: (BARE, CATALOG),
    3: (BARE, TOKEN),
    4: (BARE, MANIFEST),
    5: (MANIFEST, VARIANT),
    6: (BARE, BEAT),
    7: (FLASK, ANONYMOUS, SIGNED_IN, SEEN_AGAIN),
}


def scenarios_of(rows: set[int]) -> list[Scenario]:
    """Return what `rows` need measured, each scenario once, in a stable order."""
    wanted = {scenario.name for row in rows for scenario in SCENARIOS.get(row, ())}
    order = (BARE, FLASK, ANONYMOUS, SIGNED_IN, SEEN_AGAIN, CATALOG, TOKEN, MANIFEST, VARIANT, BEAT)
    return [scenario for scenario in order if scenario.name in wanted]


def _times_bare(results: Results, row: int, what: str, scenario: Scenario, limit: float) -> Goal:
    return Goal(row, f"{what}: CPU", limit, "x R2", ratio(results, scenario.name, BARE.name))


def _p99(results: Results, row: int, what: str, scenario: Scenario, limit: float) -> Goal:
    return Goal(row, f"{what}: p99 at c=16", limit, "ms", results[scenario.name].median("p99"))


def goals(results: Results, rows: set[int]) -> list[Goal]:
    """Compare the rounds' results with the goals of `rows` 2 to 7."""
    found: list[Goal] = []
    if 2 in rows:
        found.append(_times_bare(results, 2, "catalog by gunicorn, signed in", CATALOG, 2.2))
    if 3 in rows:
        found.append(_times_bare(results, 3, "POST token", TOKEN, 5.0))
        found.append(_p99(results, 3, "POST token", TOKEN, 50.0))
    if 4 in rows:
        found.append(_times_bare(results, 4, "GET manifest", MANIFEST, 3.3))
    if 5 in rows:
        p50 = ratio(results, VARIANT.name, MANIFEST.name, "p50")
        found.append(Goal(5, "variant playlist of a 2-hour video: p50", 1.3, "x row 4", p50))
    if 6 in rows:
        found.append(_times_bare(results, 6, "heartbeat with progress", BEAT, 3.5))
        found.append(_p99(results, 6, "heartbeat with progress", BEAT, 100.0))
    if 7 in rows:
        for what, scenario, limit in (
            ("signed in", SIGNED_IN, 120.0),
            ("anonymous", ANONYMOUS, 60.0),
        ):
            over = difference(results, scenario.name, FLASK.name)
            found.append(Goal(7, f"over a bare Flask route, {what}: CPU", limit, "us", over))
    return found
