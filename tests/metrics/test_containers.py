"""Containers of one host count in one folder, which web reads."""

import re
from typing import Any

import pytest
import yaml

from tests.support.server import ROOT

pytestmark = pytest.mark.no_database
COUNTING = ("app", "worker", "scheduler")


def _compose() -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / "docker-compose.yml").read_text()))


def _image() -> str:
    return (ROOT / "Dockerfile").read_text().partition("FROM python AS app")[2]


def test_all_that_count_share_the_folder_of_figures() -> None:
    run = re.findall(r"RUN_DIR=(\S+)", _image())[0]
    shared = f"figures:{run}/metrics"
    compose = _compose()
    for name in COUNTING:
        mounts = compose["services"][name]["volumes"]
        assert shared in mounts, name
        # What lies below a mount has to come after it.
        above = [isinstance(each, dict) and each["target"] == run for each in mounts]
        assert above.index(True) < mounts.index(shared), name
    assert "figures" in compose["volumes"]


def test_the_image_has_the_folder_for_whom_it_runs_as() -> None:
    """A new volume takes owner and rights from the image."""
    user, group = re.findall(r"^USER (\d+):(\d+)$", _image(), re.MULTILINE)[0]
    run = re.findall(r"RUN_DIR=(\S+)", _image())[0]
    assert f"install -d -o {user} -g {group} -m 750 {run}/metrics" in _image()
