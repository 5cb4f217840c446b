"""Asks every page of a house and counts the statements that each of them sends."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from flask import Flask

from app.web.extensions import limiter
from tests.queries.counts import TABLE
from tests.queries.world import ROLES, World
from tests.support.statements import recorded

NOT_ASKED = "-"
# Sent once in a while by whoever comes by: no page's own cost.
ONCE_IN_A_WHILE = (
    "FROM content_versions",
    "DELETE FROM rate_limits",
    "UPDATE login_sessions SET last_seen_at",
)


@dataclass(frozen=True)
class Asked:
    """What one person's visit of one page sent, and what the page answered."""

    status: int
    sent: Counter[str]

    @property
    def count(self) -> int:
        """Return how many statements there were."""
        return self.sent.total()


Visits = dict[tuple[str, str], Asked]


def table() -> dict[str, tuple[str, ...]]:
    """Return the table as counts (or NOT_ASKED) by endpoint, one a role."""
    found: dict[str, tuple[str, ...]] = {}
    for line in TABLE.splitlines():
        endpoint, *counts = line.split() or [""]
        if "." not in endpoint and endpoint != "static":
            continue
        if len(counts) != len(ROLES) or endpoint in found:
            raise ValueError(f"the row of {endpoint} has {len(counts)} counts, or is there twice")
        found[endpoint] = tuple(counts)
    return found


def line(endpoint: str, counts: Mapping[str, int]) -> str:
    """Return a row of the table."""
    cells = [f"{counts.get(role, NOT_ASKED)!s:>5}" for role in ROLES]
    return f"{endpoint:<34}{''.join(cells)}"


def read_endpoints(app: Flask) -> set[str]:
    """Return all that a GET can be sent to."""
    return {rule.endpoint for rule in app.url_map.iter_rules() if "GET" in (rule.methods or set())}


def visit(world: World) -> Visits:
    """Have each person ask each page that the table gives them a count for."""
    for client in world.clients.values():
        client.get("/")  # notes that they were seen, once in some minutes
    visits: Visits = {}
    for endpoint, counts in table().items():
        if endpoint not in world.app.view_functions:
            continue
        path = world.path(endpoint)
        for role, count in zip(ROLES, counts, strict=True):
            if count != NOT_ASKED:
                visits[endpoint, role] = ask(world, role, path)
    return visits


def ask(world: World, role: str, path: str) -> Asked:
    """Have `role` ask for `path`."""
    limiter.reset()
    with recorded() as statements:
        answer = world.clients[role].get(path)
    sent = (statement for statement, _ in statements.sent)
    own = (each for each in sent if not any(some in each for some in ONCE_IN_A_WHILE))
    return Asked(answer.status_code, Counter(own))
