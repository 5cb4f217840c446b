"""The image, the compose files and the workflow name only what exists."""

import re
from pathlib import Path

import pytest
import yaml

from tests.support.server import ROOT

pytestmark = pytest.mark.no_database


def _compose(name: str) -> dict[str, dict[str, dict[str, object]]]:
    return dict(yaml.safe_load((ROOT / name).read_text()))


def test_everything_the_image_copies_is_there_and_let_in() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", dockerfile, re.MULTILINE)
    let_in = re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    for source in " ".join(copied).split():
        assert (ROOT / source).exists(), source
        assert Path(source).parts[0] in let_in, source


def test_the_image_does_not_run_as_root() -> None:
    users = re.findall(r"^USER (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert users[-1] == "10001:33"


@pytest.mark.parametrize("name", ["docker-compose.yml", "docker-compose.dev.yml"])
def test_only_a_one_shot_service_migrates_and_the_rest_wait_for_it(name: str) -> None:
    services = _compose(name)["services"]
    migrating = [each for each, service in services.items() if "upgrade" in str(service)]
    assert len(migrating) == 1
    waiting = {
        each for each, service in services.items()
        if "service_completed_successfully" in str(service.get("depends_on"))
    }  # fmt: skip
    assert waiting == set(services) & {"app", "web", "worker"}


def test_only_the_proxy_is_reachable_in_production() -> None:
    services = _compose("docker-compose.yml")["services"]
    assert [name for name, service in services.items() if service.get("ports")] == ["proxy"]


def test_the_workflow_runs_what_everybody_runs() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
    steps = workflow["jobs"]["checks-and-tests"]["steps"]
    assert ".ci/run" in [step.get("run") for step in steps]
    assert workflow["permissions"] == {"contents": "read"}
