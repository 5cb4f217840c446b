"""Every template: short, without inline code, with a CSRF token in each form that posts."""

import ast
import re
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
INLINE_SCRIPT = re.compile(
    r"<script(?![^>]*\b(?:src=|type=\"application/(?:ld\+)?json\"))", re.IGNORECASE
)
INLINE_STYLE = re.compile(r"<style\b|\sstyle\s*=", re.IGNORECASE)
HANDLER = re.compile(r"<[a-z][^>]*\son[a-z]+\s*=", re.IGNORECASE)
SCRIPT_URL = re.compile(r"javascript:", re.IGNORECASE)
FOREIGN_SOURCE = re.compile(r"(?:src|href)=[\"'](?:https?:)?//", re.IGNORECASE)
MARKUP_SINKS = re.compile(
    r"\.(?:inner|outer)HTML\b|insertAdjacentHTML|document\.write|\beval\(|new Function\("
    r"|\.cssText\b|setAttribute\([\"']style[\"']"
)
identify = sources.relative
every_page = pytest.mark.parametrize("path", PAGES, ids=identify)


@pytest.mark.parametrize("path", TEMPLATES, ids=identify)
def test_template_is_short(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").count("\n")
    assert lines <= MAX_LINES, f"{lines} lines, {MAX_LINES} at most"


@every_page
@pytest.mark.parametrize(
    ("pattern", "what"),
    [
        (INLINE_SCRIPT, "an inline script"),
        (INLINE_STYLE, "an inline style"),
        (HANDLER, "an event handler attribute"),
        (SCRIPT_URL, "a javascript: address"),
    ],
    ids=["script", "style", "handler", "address"],
)
def test_template_has_nothing_inline(path: Path, pattern: re.Pattern[str], what: str) -> None:
    found = pattern.search(path.read_text(encoding="utf-8"))
    assert not found, f"{what}: {found.group(0)!r}"


@every_page
def test_template_loads_nothing_from_elsewhere(path: Path) -> None:
    for tag in re.findall(r"<(?:script|link|img|source|video)\b[^>]*>", path.read_text("utf-8")):
        assert not FOREIGN_SOURCE.search(tag), tag


@every_page
def test_each_posting_form_carries_a_csrf_token(path: Path) -> None:
    for form in POST_FORM.findall(path.read_text(encoding="utf-8")):
        has_token = re.search(r"csrf_token|form\.hidden_tag\(\)", form)
        assert has_token, f"no CSRF token in {form.splitlines()[0]}"


@pytest.mark.parametrize("path", SCRIPTS, ids=identify)
def test_script_builds_no_markup_from_strings(path: Path) -> None:
    found = MARKUP_SINKS.search(path.read_text(encoding="utf-8"))
    assert not found, found.group(0)


@pytest.mark.parametrize("path", SCRIPTS, ids=identify)
def test_only_the_api_module_fetches(path: Path) -> None:
    if path.name == "api.js":
        return
    found = re.search(r"(?<![.\w])fetch\(|new XMLHttpRequest", path.read_text(encoding="utf-8"))
    assert not found, f"{found.group(0)} belongs in lib/api.js"


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


def test_every_rendered_template_exists() -> None:
    rendered = _rendered()
    assert rendered
    missing = [(module, name) for module, name in rendered if not (FOLDER / name).is_file()]
    assert not missing


def test_every_template_is_used() -> None:
    text = "\n".join(
        path.read_text(encoding="utf-8") for path in (*sources.application_modules(), *TEMPLATES)
    )
    unused = [
        name
        for path in PAGES
        if f'"{(name := path.relative_to(FOLDER).as_posix())}"' not in text
        and f"'{name}'" not in text
    ]
    assert not unused
