"""The workflow: what it runs is what everybody runs, and what it trusts cannot change by itself."""

import re
from typing import Any

import pytest
import yaml

from tests.support.server import ROOT

pytestmark = [pytest.mark.no_database, pytest.mark.at_once]
TEXT = (ROOT / ".github/workflows/ci.yml").read_text()
WORKFLOW: dict[str, Any] = yaml.safe_load(TEXT)
JOBS: dict[str, dict[str, Any]] = WORKFLOW["jobs"]


def _runs(job: str) -> str:
    return "\n".join(step.get("run", "") for step in JOBS[job]["steps"])


def _needed(job: str) -> set[str]:
    needs = JOBS[job].get("needs", [])
    direct = {needs} if isinstance(needs, str) else set(needs)
    return direct.union(*map(_needed, direct))


def test_the_workflow_runs_what_everybody_runs() -> None:
    run = (ROOT / ".ci/run").read_text()
    for job, command in (("checks", "./setup.sh check"), ("tests", "./setup.sh test")):
        assert command in _runs(job)
        assert command in run
        [step] = [step for step in JOBS[job]["steps"] if command in step.get("run", "")]
        assert step["env"]["CI"] == "true"  # no test may be skipped


def test_nothing_is_deployed_that_did_not_pass_everything_and_get_an_approval() -> None:
    assert _needed("deploy") == {"checks", "tests", "services", "image"}
    assert JOBS["deploy"]["environment"] == "production"
    assert "refs/heads/main" in JOBS["deploy"]["if"]
    assert JOBS["deploy"]["concurrency"]["cancel-in-progress"] is False


def test_every_action_is_pinned_by_its_commit() -> None:
    used = re.findall(r"uses: (\S+)(.*)", TEXT)
    assert len(used) >= 10
    for action, comment in used:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action), action
        assert re.fullmatch(r"  # v\d+\.\d+\.\d+", comment), action


def test_nobody_may_write_but_who_must() -> None:
    assert WORKFLOW["permissions"] == {"contents": "read"}
    writing = {name: job["permissions"] for name, job in JOBS.items() if "permissions" in job}
    assert writing == {"image": {"contents": "read", "packages": "write"}}
    checkouts = [
        step for job in JOBS.values() for step in job["steps"] if "checkout" in step.get("uses", "")
    ]
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_an_image_is_started_and_scanned_before_it_is_pushed() -> None:
    steps = JOBS["image"]["steps"]
    started = [n for n, step in enumerate(steps) if "docker compose" in step.get("run", "")]
    scanned = [n for n, step in enumerate(steps) if "trivy-action" in step.get("uses", "")]
    pushed = [n for n, step in enumerate(steps) if step.get("with", {}).get("push") is True]
    assert len(scanned) == len(pushed) == 2
    assert max([*scanned, started[0]]) < min(pushed)
    assert all(steps[n]["with"]["exit-code"] == "1" for n in scanned)
    assert all(steps[n]["with"]["sbom"] is True for n in pushed)
    assert all("push" in steps[n]["if"] for n in pushed)


def test_no_expression_is_put_into_a_script() -> None:
    """What a stranger may have chosen, as the name of a branch, reaches a script as a variable."""
    for name, job in JOBS.items():
        assert "${{" not in _runs(name), job
