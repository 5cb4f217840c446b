"""Interleaved rounds: every scenario in each round, order reversed each time, medians of ratios."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tests.bench import load, processes
from tests.bench.load import Request
from tests.bench.site import Site
from tests.support.server import LiveServer

ROUNDS = 7


@dataclass(frozen=True)
class Scenario:
    """One kind of request. `prepare` makes the requests anew before each round, unmeasured."""

    name: str
    server: Callable[[Site], LiveServer]
    prepare: Callable[[Site], Sequence[Request]]


@dataclass
class Measured:
    """What the rounds of one scenario gave: CPU in microseconds a request, times in ms."""

    cpu: list[float] = field(default_factory=list)
    per_second: list[float] = field(default_factory=list)
    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)

    def median(self, name: str) -> float:
        """Return the median of one list over all rounds."""
        return statistics.median(getattr(self, name))


Results = dict[str, Measured]


def ratio(results: Results, name: str, reference: str, figure: str = "cpu") -> float:
    """Return the median of the per-round ratios of `name` to `reference`."""
    ours, theirs = getattr(results[name], figure), getattr(results[reference], figure)
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))


def difference(results: Results, name: str, reference: str) -> float:
    """Return the median of the per-round CPU differences, in microseconds a request."""
    pairs = zip(results[name].cpu, results[reference].cpu, strict=True)
    return statistics.median(a - b for a, b in pairs)


def _measure(site: Site, scenario: Scenario, result: Measured) -> None:
    with site.app.app_context():
        requests = scenario.prepare(site)
    server = scenario.server(site)
    before = processes.cpu_seconds(*site.roots(server))
    figures = load.run(server.url, requests, site.scratch)
    spent = processes.cpu_seconds(*site.roots(server)) - before
    result.cpu.append(spent / figures.requests * 1e6)
    result.per_second.append(figures.per_second)
    result.p50.append(figures.p50)
    result.p99.append(figures.p99)


def run(
    site: Site,
    scenarios: Sequence[Scenario],
    say: Callable[[str], None],
    rounds: int = ROUNDS,
) -> Results:
    """Warm up, then measure `scenarios` in `rounds` rounds."""
    results: Results = {scenario.name: Measured() for scenario in scenarios}
    for scenario in scenarios:
        _measure(site, scenario, Measured())
    for number in range(rounds):
        ordered = scenarios if number % 2 == 0 else list(reversed(scenarios))
        for scenario in ordered:
            _measure(site, scenario, results[scenario.name])
        say(f"round {number + 1} of {rounds} done")
    return results
