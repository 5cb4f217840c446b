"""Row 15: what log lines, figures and the request id cost, switched on and off in one run."""

import statistics
from collections.abc import Callable, Sequence

from tests.bench import furniture, processes
from tests.bench.load import Request
from tests.bench.load import run as run_load
from tests.bench.rows import Goal
from tests.bench.site import Site, settings_of
from tests.support.server import LiveServer, gunicorn

# Throughput by one processor, on by off, is to be 0.97 or more.
LIMIT = 1 / 0.97


def measure(site: Site, say: Callable[[str], None], rounds: int, seconds: int = 2) -> list[Goal]:
    """Compare both in turn, the order reversed each round; by processor time."""
    url = str(site.app.extensions["settings"].database_url).replace("+psycopg2", "", 1)
    environment = settings_of(url, site.scratch) | {"PUBLIC_BASE_URL": "http://127.0.0.1"}
    found = []
    with gunicorn(environment, site.scratch, "tests.bench.unwatched:app") as unwatched:
        with site.app.app_context():
            kinds = {
                "who am I": [
                    Request("GET", "/api/auth/me", furniture.cookie(n))
                    for n in range(furniture.STREAMS)
                ],
                "the catalog": furniture.catalog_requests(),
            }
        for what, requests in kinds.items():
            ratios = _ratios(site, unwatched, requests, rounds, seconds)
            reached = statistics.median(ratios)
            found.append(Goal(15, f"observed, {what}: CPU", LIMIT, "x unobserved", reached))
            say(f"row 15, {what}: {reached:.3f} x")
    return found


def _ratios(
    site: Site, unwatched: LiveServer, requests: Sequence[Request], rounds: int, seconds: int
) -> list[float]:
    found = []
    for server in (site.ours, unwatched):
        _cost(site, server, requests, seconds)
    for number in range(rounds):
        pair = (site.ours, unwatched) if number % 2 == 0 else (unwatched, site.ours)
        cost = {server.url: _cost(site, server, requests, seconds) for server in pair}
        found.append(cost[site.ours.url] / cost[unwatched.url])
    return found


def _cost(site: Site, server: LiveServer, requests: Sequence[Request], seconds: int) -> float:
    """Return the processor time of one request, PostgreSQL's part included."""
    roots = (server.process.pid, site.postgres_pid)
    before = processes.cpu_seconds(*roots)
    figures = run_load(server.url, requests, site.scratch, seconds)
    return (processes.cpu_seconds(*roots) - before) / figures.requests
