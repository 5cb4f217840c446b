"""One name all the way: endpoint `courses.show` shows the template courses/show.html."""

import ast
from collections.abc import Iterator
from pathlib import Path

from flask import Flask

from tests.support import sources

WEB = sources.ROOT / "app" / "web"
# Endpoints that share the page of another: the catalog narrowed to one category, a redirect.
SHARED = {"courses.category": "courses/index.html"}


def _pages(app: Flask) -> list[str]:
    return sorted(
        {
            rule.endpoint
            for rule in app.url_map.iter_rules()
            if "GET" in (rule.methods or set()) and not rule.rule.startswith(("/api/", "/media/"))
        }
        - {"static"}
    )


def _renders(path: Path) -> Iterator[str]:
    for node in ast.walk(sources.tree(path)):
        is_render = isinstance(node, ast.Call) and sources.dotted(node.func) == "render_template"
        if is_render and isinstance(node.args[0], ast.Constant):
            yield str(node.args[0].value)


def test_pages_and_templates_have_the_same_names(app: Flask) -> None:
    rendered = {name for path in sources.walk(WEB, ".py") for name in _renders(path)}
    pages = {f"{name.replace('.', '/')}.html" for name in _pages(app)}
    whole = {name for name in rendered if not name.startswith("errors/") and "/_" not in name}
    assert whole - pages - set(SHARED.values()) - {"pages/api_docs.html"} == set()
