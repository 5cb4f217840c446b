"""Words that have no business in the tree: package hosts, promises, left-overs."""

import re
from functools import cache
from pathlib import Path

import pytest

from tests.support import sources

pytestmark = pytest.mark.no_database
TEXT = (
    *(".py", ".sh", ".js", ".css", ".html", ".txt", ".md", ".toml", ".yml", ".yaml", ".conf"),
    *(".cfg", ".ini", ".json", ".in", ".example", ".po", ".mako", ".lua", ".svg", ".vtt", ""),
)
# Put together here so that this file does not find itself.
HOSTS = ("py" + "pi.org", "python" + "hosted.org", "npm" + "js.org", "npm" + "js.com")
HOSTS += ("deb." + "debian.org", "security." + "debian.org", "jsdelivr" + ".net", "unpkg" + ".com")
LEFT_OVERS = ("TO" + "DO", "FIX" + "ME", "X" + "XX:", "lorem " + "ipsum", "for" + " now,")
PLACES = ("/work" + "/main", "/work" + "/shared", ".." + "/shared", "/tmp" + "/spec")
EMOJI = re.compile("[\U0001f300-\U0001faff\u2705\u274c\u2728]")


@cache
def _files() -> tuple[Path, ...]:
    return tuple(path for path in sources.walk(sources.ROOT, *TEXT) if path.suffix in TEXT)


def _found(words: tuple[str, ...]) -> list[str]:
    return [
        f"{sources.relative(path)}, line {number}: {word}"
        for path in _files()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        for word in words
        if word in line
    ]


def test_no_package_host_is_named() -> None:
    """Hosts of registries are the machine's configuration, not the project's."""
    assert not _found(HOSTS)


def test_nothing_is_left_over() -> None:
    assert not _found(LEFT_OVERS)


def test_no_place_of_one_machine_is_named() -> None:
    assert not _found(PLACES)


def test_headings_of_documents_are_words() -> None:
    headings = [
        f"{sources.relative(path)}: {line}"
        for path in _files()
        if path.suffix == ".md"
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.startswith("#")
    ]
    assert not [heading for heading in headings if EMOJI.search(heading)]
