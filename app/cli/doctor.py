"""`flask doctor`: every dependency and setting, what is wrong with it, and what to do."""

import json
from collections.abc import Sequence
from typing import cast

import click
from flask import Flask, current_app
from flask.cli import with_appcontext

from app.cli.checks import (
    backups,
    configuration,
    database,
    front,
    jobs,
    machine,
    roles,
    secrets,
    services,
)
from app.cli.checks.findings import Check, Finding, Line, State, fail, worst
from app.cli.checks.running import run
from app.config import Settings

CHECKS: tuple[Check, ...] = (
    *configuration.CHECKS,
    *secrets.CHECKS,
    *database.CHECKS,
    *roles.CHECKS,
    *jobs.CHECKS,
    *backups.CHECKS,
    *services.CHECKS,
    *machine.CHECKS,
    *front.CHECKS,
)
COLOURS = {State.OK: "green", State.SKIP: "white", State.WARN: "yellow", State.FAIL: "red"}
_WIDTH = max(len(check.name) for check in CHECKS)


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="One JSON document for programs.")
@click.option("--quick", is_flag=True, help="Ask no outsiders and start no programs.")
@with_appcontext
def doctor(as_json: bool, quick: bool) -> None:
    """Look at every dependency and setting; say what is wrong and what to do.

    Ends with 1 when something fails; warnings alone end with 0.
    """
    app = cast(Flask, current_app._get_current_object())  # type: ignore[attr-defined]  # noqa: SLF001
    broken: str | None = app.extensions.get("configuration_error")
    if broken is not None:
        lines = [Line("settings", finding, 0.0) for finding in _misconfigured(broken)]
        for line in lines if not as_json else ():
            _say(line)
    else:
        lines = []
        settings = cast(Settings, app.extensions["settings"])
        for found in run(app, [check for check in CHECKS if not (quick and check.is_slow)]):
            line = _without_secrets(found, settings)
            lines.append(line)
            if not as_json:
                _say(line)
    _conclude(lines, as_json=as_json)
    if worst(lines) is State.FAIL:
        raise click.exceptions.Exit(1)


def _misconfigured(problems: str) -> list[Finding]:
    remedy = "Put it right where settings come from, then run the doctor again for all the rest."
    return [fail(problem, remedy) for problem in problems.splitlines()]


def _without_secrets(line: Line, settings: Settings) -> Line:
    found = line.finding
    said = (secrets.scrub(words, settings) for words in (found.detail, found.remedy))
    return Line(line.name, Finding(found.state, *said), line.seconds)


def _say(line: Line) -> None:
    found = line.finding
    state = click.style(f"{found.state.value:<4}", fg=COLOURS[found.state])
    click.echo(f"{state}  {line.name:<{_WIDTH}}  {found.detail}")
    if found.remedy:
        click.echo(f"      {'':<{_WIDTH}}  -> {found.remedy}")


def _conclude(lines: Sequence[Line], *, as_json: bool) -> None:
    counts = {
        state: sum(line.finding.state is state for line in lines) for state in reversed(State)
    }
    if as_json:
        checks = [
            {
                "name": line.name,
                "state": line.finding.state.value,
                "detail": line.finding.detail,
                "remedy": line.finding.remedy,
                "seconds": round(line.seconds, 3),
            }
            for line in lines
        ]
        click.echo(json.dumps({"status": worst(lines).value, "checks": checks}, indent=2))
        return
    told = ", ".join(f"{count} {state.value}" for state, count in counts.items() if count)
    verdict = {State.FAIL: "Not well", State.WARN: "Well enough", State.OK: "All is well"}
    click.echo(f"\n{verdict[worst(lines)]}: {told}.")
