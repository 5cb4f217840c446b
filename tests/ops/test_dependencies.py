"""The locks hold what was asked for, hashed, and name no place to fetch from."""

import re

import pytest

from tests.support.server import ROOT

pytestmark = [pytest.mark.no_database, pytest.mark.at_once]
LOCKS = ("requirements", "requirements-dev")
each_lock = pytest.mark.parametrize("name", LOCKS)


def _asked(name: str) -> dict[str, str]:
    text = (ROOT / f"{name}.in").read_text()
    return dict(re.findall(r"^([a-z0-9-]+)(?:\[[\w,]+\])?==(\S+)$", text, re.MULTILINE))


def _locked(name: str) -> dict[str, str]:
    text = (ROOT / f"{name}.txt").read_text()
    return dict(re.findall(r"^([a-z0-9-]+)==([^ ;]+)", text, re.MULTILINE))


@each_lock
def test_the_lock_holds_each_version_asked_for(name: str) -> None:
    asked = _asked(name)
    assert len(asked) > 10
    assert asked.items() <= _locked(name).items()


@each_lock
def test_every_locked_package_is_hashed(name: str) -> None:
    text = (ROOT / f"{name}.txt").read_text()
    entries = re.split(r"^(?=[a-z0-9-]+==)", text, flags=re.MULTILINE)[1:]
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []


def test_tests_run_on_the_very_versions_that_are_served() -> None:
    assert _locked("requirements").items() <= _locked("requirements-dev").items()


@pytest.mark.parametrize(
    "path", ["requirements.txt", "requirements-dev.txt", "setup.sh", ".ci/run", ".ci/check",
             ".github/workflows/ci.yml", "Dockerfile"],
)  # fmt: skip
def test_no_registry_is_named(path: str) -> None:
    text = (ROOT / path).read_text()
    found = re.findall(r"https?://(?!127\.0\.0\.1|\$)\S+|--(?:extra-)?index-url|--find-links", text)
    assert [each for each in found if each != "--no-emit-find-links"] == []


@each_lock
def test_every_dependency_says_why_it_is_here(name: str) -> None:
    document = (ROOT / "docs" / "DEPENDENCIES.md").read_text()
    first_cells = " ".join(re.findall(r"^\| ([^|]+) \|", document, re.MULTILINE))
    explained = {each.strip() for each in first_cells.replace(",", " ").split()}
    assert set(_asked(name)) - explained == set()
