"""Every path, command and variable that the documentation names exists."""

import re
from functools import cache
from pathlib import Path

import click
import pytest
from flask import Flask

from app.config import Settings
from tests.support import sources

DOCS = tuple(
    path
    for path in (*sources.walk(sources.ROOT / "docs", ".md"), sources.ROOT / "README.md")
    if path.is_file()
)
TOP_LEVEL = ("app", "tests", "docs", "migrations", "nginx", ".ci", ".github")
FENCE = re.compile(r"^ *```[^\n]*\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")
PATH = re.compile(rf"(?:\./)?(?:{'|'.join(map(re.escape, TOP_LEVEL))})/[\w./*-]*[\w*/]")
SETUP_VERB = re.compile(r"\./setup\.sh\s+([a-z]+)")
FLASK_VERB = re.compile(r"(?<![\w./-])flask(?:\s+--app\s+\S+)?\s+([a-z][a-z-]+)")
VARIABLE = re.compile(r"\b([A-Z][A-Z0-9]*_[A-Z0-9_]+)\b")
PROSE_AFTER_FLASK = frozenset({"verb", "verbs", "application", "extensions"})
every_document = pytest.mark.parametrize("path", DOCS, ids=sources.relative)


def _code(path: Path) -> str:
    """Return what the document sets in code: fences and spans."""
    text = path.read_text(encoding="utf-8")
    return "\n".join([*FENCE.findall(text), *SPAN.findall(FENCE.sub("", text))])


@cache
def _everything() -> str:
    suffixes = (".py", ".sh", ".js", ".html", ".toml", ".yml", ".conf", ".example", ".in", "")
    return "\n".join(
        path.read_text(encoding="utf-8")
        for path in sources.walk(sources.ROOT, *suffixes)
        if path.suffix in suffixes and path.name != "test_docs.py"
    )


def test_the_documents_that_people_rely_on_are_there() -> None:
    names = {sources.relative(path) for path in DOCS if path.is_file()}
    expected = ("ARCHITECTURE", "DEPENDENCIES", "CHANGES-SUMMARY", "PERFORMANCE")
    assert {"README.md", *(f"docs/{name}.md" for name in expected)} <= names


@pytest.mark.no_database
@every_document
def test_paths_exist(path: Path) -> None:
    named = {match.group(0).removeprefix("./") for match in PATH.finditer(_code(path))}
    missing = [name for name in named if not list(sources.ROOT.glob(name.rstrip("/")))]
    assert not missing, sorted(missing)


@pytest.mark.no_database
@every_document
def test_links_lead_somewhere(path: Path) -> None:
    links = LINK.findall(path.read_text(encoding="utf-8"))
    missing = [link for link in links if not (path.parent / link).exists()]
    assert not missing, missing


@pytest.mark.no_database
@every_document
def test_setup_commands_exist(path: Path) -> None:
    script = (sources.ROOT / "setup.sh").read_text(encoding="utf-8")
    unknown = [
        verb
        for verb in SETUP_VERB.findall(_code(path))
        if not re.search(rf"(?:^|[\s|(]){re.escape(verb)}(?:[|)\s]|\(\))", script, re.MULTILINE)
    ]
    assert not unknown, unknown


@every_document
def test_flask_verbs_exist(app: Flask, path: Path) -> None:
    verbs = app.cli.list_commands(click.Context(app.cli))
    known = {*verbs, "run", "shell", "routes"} | PROSE_AFTER_FLASK
    unknown = [verb for verb in FLASK_VERB.findall(_code(path)) if verb not in known]
    assert not unknown, unknown


@pytest.mark.no_database
@every_document
def test_variables_exist(path: Path) -> None:
    settings = {field.upper() for field in Settings.model_fields}
    named = {name.removesuffix("_FILE") for name in VARIABLE.findall(_code(path))}
    unknown = [name for name in named if name not in settings and name not in _everything()]
    assert not unknown, sorted(unknown)
