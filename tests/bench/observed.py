"""Row 15: what log lines, figures and the request id cost, switched on and off in one run.

Two servers under load in turn differ by more than the 3 % that are to be seen, so this is done in
two steps, each of which compares things of the same moment:

1. One process with the settings of the servers answers each request twice, observed and not, in
   random order, a thousand pairs and more; its log goes to a file. The share of the time that
   observing takes is the median over the pairs, and what is added up aside once a second comes on
   top. That is done in several processes after each other, because how their memory is laid out
   makes a percent of difference; the median counts.
2. Under load, the application's part of all that a request costs is what gunicorn's tree takes
   beyond a bare WSGI answer (R2), of the tree's and PostgreSQL's time.

Observing takes the product of both away from the throughput; the row has it as a ratio.
"""

import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from tests.bench import furniture, processes
from tests.bench.load import Request
from tests.bench.load import run as run_load
from tests.bench.rows import Goal
from tests.bench.site import Site, settings_of
from tests.bench.turns import Costs
from tests.support.server import ROOT, LiveServer, base_environment

# Throughput by one processor, on by off, is to be 0.97 or more.
LIMIT = 1 / 0.97
PROCESSES = 5
PAIRS = 1200
Kinds = Mapping[str, Sequence[Request]]


def measure(site: Site, say: Callable[[str], None], rounds: int) -> list[Goal]:
    """Compare both, by processor time."""
    with site.app.app_context():
        kinds = {
            "who am I": furniture.me_requests(),
            "the catalog": furniture.catalog_requests(),
        }
    turns = []
    for number in range(PROCESSES):
        turns.append(_turns(site, kinds, number))
        say(f"row 15: process {number + 1} of {PROCESSES} done")
    found = []
    for kind, requests in kinds.items():
        share = statistics.median(costs[kind].share for costs in turns)
        part = _part_of_application(site, requests, rounds)
        reached = ratio(share, part)
        watched, aside = (
            statistics.median(getattr(costs[kind], name) for costs in turns) / 1000
            for name in ("watched", "aside")
        )
        say(
            f"row 15, {kind}: {share:.2%} of {watched:.0f} + {aside:.1f} us,"
            f" which is {part:.0%} of all: {reached:.4f} x"
        )
        found.append(Goal(15, f"observed, {kind}: CPU", LIMIT, "x unobserved", reached))
    return found


def ratio(share: float, part: float) -> float:
    """Return what a request costs by what it would, observing being `share` of a `part` of it."""
    return 1 / (1 - share * part)


def _turns(site: Site, kinds: Kinds, number: int) -> dict[str, Costs]:
    """Have a new process answer requests observed and not."""
    url = str(site.app.extensions["settings"].database_url).replace("+psycopg2", "", 1)
    environment = settings_of(url, site.scratch) | {
        "PUBLIC_BASE_URL": "http://127.0.0.1",
        "RUN_DIR": str(site.scratch / f"turns-{number}"),
        "LOG_LEVEL": "INFO",
    }
    listed = {kind: [asdict(request) for request in requests] for kind, requests in kinds.items()}
    log = Path(site.scratch / f"turns-{number}.log")
    with log.open("wb") as errors:
        done = subprocess.run(
            [sys.executable, "-m", "tests.bench.turns"],
            input=json.dumps({"kinds": listed, "pairs": PAIRS}).encode(),
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd=ROOT,
            env={**base_environment(), **environment},
            check=False,
        )
    if done.returncode:
        raise RuntimeError(log.read_text(errors="replace")[-4000:])
    return {kind: Costs(**costs) for kind, costs in json.loads(done.stdout).items()}


def _part_of_application(site: Site, requests: Sequence[Request], rounds: int) -> float:
    """Return how much of what a request costs under load is the application's own."""
    _cost(site, site.ours, requests)
    parts = []
    for _ in range(rounds):
        tree, postgres = _cost(site, site.ours, requests)
        bare, _none = _cost(site, site.bare, [Request("GET", "/")])
        parts.append((tree - bare) / (tree + postgres))
    # A worker that is replaced in a round, as after 100,000 requests, takes its time along.
    return statistics.median(parts)


def _cost(site: Site, server: LiveServer, requests: Sequence[Request]) -> tuple[float, float]:
    """Return the processor time of one request in the server's tree and in PostgreSQL."""
    roots = (server.process.pid, site.postgres_pid)
    before = [processes.cpu_seconds(root) for root in roots]
    figures = run_load(server.url, requests, site.scratch)
    after = [processes.cpu_seconds(root) for root in roots]
    tree, postgres = (
        (end - begin) / figures.requests for begin, end in zip(before, after, strict=True)
    )
    return tree, postgres
