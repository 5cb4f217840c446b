"""Every template: short, without inline code, with a CSRF token in each form that posts."""

import ast
import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.support import sources

pytestmark = pytest.mark.no_database
TEMPLATES = sources.templates()
PAGES = tuple(path for path in TEMPLATES if path.suffix == ".html" and "email" not in path.parts)
SCRIPTS = tuple(sources.walk(sources.ROOT / "app" / "static" / "js", ".js"))
FOLDER = sources.ROOT / "app" / "templates"
MAX_LINES = 120
POST_FORM = re.compile(r"<form\b[^>]*method=[\"']?post.*?</form>", re.IGNORECASE | re.DOTALL)
CSRF_FIELD = re.compile(r"\bcsrf(?:_token)?\(\)|name=\"csrf_token\"|form\.hidden_tag\(\)")
RESOURCE = re.compile(r"<(?:script|link|img|source|video|iframe)\b[^>]*>", re.IGNORECASE)
FOREIGN_SOURCE = re.compile(r"(?:src|href)=[\"'](?:https?:)?//", re.IGNORECASE)
INLINE = {
    "an inline script": re.compile(
        r"<script(?![^>]*\b(?:src=|type=\"application/(?:ld\+)?json\"))", re.IGNORECASE
    ),
    "an inline style": re.compile(r"<style\b|<[a-z][^>]*\sstyle\s*=", re.IGNORECASE),
    "an event handler attribute": re.compile(r"<[a-z][^>]*\son[a-z]+\s*=", re.IGNORECASE),
    "a javascript: address": re.compile(r"javascript:", re.IGNORECASE),
}
MARKUP_SINKS = re.compile(
    r"\.(?:inner|outer)HTML\b|insertAdjacentHTML|document\.write|\beval\(|new Function\("
    r"|\.cssText\b|setAttribute\([\"']style[\"']"
)
FETCHES = re.compile(r"(?<![.\w])fetch\(|new XMLHttpRequest")


def _found(paths: Iterable[Path], pattern: re.Pattern[str], what: str) -> list[str]:
    return [
        f"{sources.relative(path)}: {what}: {match.group(0)[:80]!r}"
        for path in paths
        for match in pattern.finditer(path.read_text(encoding="utf-8"))
    ]


def test_there_is_something_to_check() -> None:
    assert len(PAGES) > 10
    assert len(SCRIPTS) > 5


def test_templates_are_short() -> None:
    lengths = {sources.relative(p): p.read_text("utf-8").count("\n") for p in TEMPLATES}
    assert not {name: lines for name, lines in lengths.items() if lines > MAX_LINES}


@pytest.mark.parametrize("what", INLINE)
def test_templates_have_nothing_inline(what: str) -> None:
    assert not _found(PAGES, INLINE[what], what)


def test_templates_load_nothing_from_elsewhere() -> None:
    tags = [
        (sources.relative(path), tag)
        for path in PAGES
        for tag in RESOURCE.findall(path.read_text(encoding="utf-8"))
    ]
    assert not [(name, tag) for name, tag in tags if FOREIGN_SOURCE.search(tag)]


def test_posting_forms_carry_a_csrf_token() -> None:
    forms = [
        (sources.relative(path), form)
        for path in PAGES
        for form in POST_FORM.findall(path.read_text(encoding="utf-8"))
    ]
    assert forms
    assert not [(name, form[:80]) for name, form in forms if not CSRF_FIELD.search(form)]


def test_scripts_build_no_markup_from_strings() -> None:
    assert not _found(SCRIPTS, MARKUP_SINKS, "makes markup or styles of a string")


def test_only_the_api_module_fetches() -> None:
    others = [path for path in SCRIPTS if path.name != "api.js"]
    assert not _found(others, FETCHES, "belongs in lib/api.js")


def _rendered() -> list[tuple[str, str]]:
    names = []
    for path in sources.application_modules():
        for node in ast.walk(sources.tree(path)):
            is_render = isinstance(node, ast.Call) and sources.dotted(node.func).endswith(
                "render_template"
            )
            if is_render and node.args and isinstance(node.args[0], ast.Constant):
                names.append((sources.relative(path), str(node.args[0].value)))
    return names


def test_rendered_templates_exist() -> None:
    rendered = _rendered()
    assert rendered
    assert not [(module, name) for module, name in rendered if not (FOLDER / name).is_file()]


def test_templates_are_all_used() -> None:
    text = "\n".join(
        path.read_text(encoding="utf-8") for path in (*sources.application_modules(), *TEMPLATES)
    )
    names = [path.relative_to(FOLDER).as_posix() for path in PAGES]
    assert not [name for name in names if f'"{name}"' not in text and f"'{name}'" not in text]
