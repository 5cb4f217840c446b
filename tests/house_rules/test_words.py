"""Words that have no business in the tree: package hosts, promises, left-overs."""

import re
from pathlib import Path

import pytest

from tests.support import sources

pytestmark = pytest.mark.no_database
TEXT = (
    *(".py", ".sh", ".js", ".css", ".html", ".txt", ".md", ".toml", ".yml", ".yaml", ".conf"),
    *(".cfg", ".ini", ".json", ".in", ".example", ".po", ".mako", ""),
)
# Put together here so that this file does not find itself.
HOSTS = ("py" + "pi.org", "python" + "hosted.org", "npm" + "js.org", "npm" + "js.com")
HOSTS += ("deb." + "debian.org", "security." + "debian.org", "jsdelivr" + ".net", "unpkg" + ".com")
LEFT_OVERS = ("TO" + "DO", "FIX" + "ME", "X" + "XX:", "lorem " + "ipsum", "for" + " now,")
PLACES = ("/work" + "/main", "/work" + "/shared", ".." + "/shared", "/tmp" + "/spec")
EMOJI = re.compile("[\U0001f300-\U0001faff\u2705\u274c\u2728]")
FILES = tuple(path for path in sources.walk(sources.ROOT, *TEXT) if path.suffix in TEXT)


def _found(path: Path, words: tuple[str, ...]) -> list[str]:
    text = path.read_text(encoding="utf-8")
    return [
        f"line {number}: {word}"
        for number, line in enumerate(text.splitlines(), 1)
        for word in words
        if word in line
    ]


@pytest.mark.parametrize("path", FILES, ids=sources.relative)
def test_file_names_no_package_host(path: Path) -> None:
    """Hosts of registries are the machine's configuration, not the project's."""
    assert not _found(path, HOSTS)


@pytest.mark.parametrize("path", FILES, ids=sources.relative)
def test_file_has_no_left_overs(path: Path) -> None:
    assert not _found(path, LEFT_OVERS + PLACES)


@pytest.mark.parametrize(
    "path", [path for path in FILES if path.suffix == ".md"], ids=sources.relative
)
def test_headings_are_words(path: Path) -> None:
    headings = [line for line in path.read_text("utf-8").splitlines() if line.startswith("#")]
    assert not [heading for heading in headings if EMOJI.search(heading)]
