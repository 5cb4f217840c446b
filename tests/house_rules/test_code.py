"""The shape of the code: sizes, layers that cannot be seen by an import linter, banned names."""

import ast
from pathlib import Path

import pytest

from tests.support import sources

pytestmark = pytest.mark.no_database
MODULES = sources.application_modules()
ALL_MODULES = MODULES + sources.test_modules()
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 50
DOORS = ("app/web/", "app/worker/", "app/cli.py", "app/demo/")
BANNED_NAMES = frozenset({"utils", "util", "helpers", "helper", "common", "manager", "service"})
MAY_CATCH_EVERYTHING = ("app/worker/", "app/web/pages/health.py")
MAY_READ_ENVIRONMENT = ("app/config.py", "gunicorn.conf.py")
NO_DOCSTRING_NEEDED = frozenset({"__init__.py"})
identify = sources.relative
every_module = pytest.mark.parametrize("path", MODULES, ids=identify)


@pytest.mark.parametrize("path", ALL_MODULES, ids=identify)
def test_file_is_short_enough_to_read(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").count("\n")
    assert lines <= MAX_FILE_LINES, f"{lines} lines, {MAX_FILE_LINES} at most"


@pytest.mark.parametrize("path", ALL_MODULES, ids=identify)
def test_functions_fit_on_a_screen(path: Path) -> None:
    long = [
        f"{function.name} (line {function.lineno}): {length} lines"
        for function in sources.functions(path)
        if (length := (function.end_lineno or 0) - function.lineno + 1) > MAX_FUNCTION_LINES
    ]
    assert not long, f"{MAX_FUNCTION_LINES} at most: {long}"


@every_module
def test_module_says_what_lives_here(path: Path) -> None:
    if path.name in NO_DOCSTRING_NEEDED and not path.read_text(encoding="utf-8").strip():
        return
    assert ast.get_docstring(sources.tree(path)), "the module has no docstring"


@every_module
def test_nothing_of_ours_is_imported_inside_a_function(path: Path) -> None:
    hidden = [
        f"{name} in {function.name}"
        for function in sources.functions(path)
        for node in ast.walk(function)
        for name in sources.imported(node)
        if name == "app" or name.startswith("app.")
    ]
    assert not hidden, hidden


@every_module
def test_only_doors_commit(path: Path) -> None:
    if sources.relative(path).startswith(DOORS):
        return
    commits = [
        node.lineno
        for node in ast.walk(sources.tree(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "commit"
    ]
    assert not commits, f"commits in lines {commits}; that is for {DOORS}"


@every_module
def test_the_environment_is_read_in_one_place(path: Path) -> None:
    if sources.relative(path) in MAY_READ_ENVIRONMENT:
        return
    readers = ("os.environ", "os.getenv", "environ.get")
    reads = [
        node.lineno
        for node in ast.walk(sources.tree(path))
        if isinstance(node, ast.Attribute) and sources.dotted(node) in readers
    ]
    imports = [
        node.lineno
        for node in ast.walk(sources.tree(path))
        if isinstance(node, ast.ImportFrom)
        and node.module == "os"
        and {alias.name for alias in node.names} & {"environ", "getenv"}
    ]
    assert not reads + imports, f"reads the environment in lines {reads + imports}"


def _catches_everything(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(sources.dotted(kind) in ("Exception", "BaseException") for kind in caught)


@every_module
def test_no_error_is_swallowed(path: Path) -> None:
    if sources.relative(path).startswith(MAY_CATCH_EVERYTHING):
        return
    broad = [
        node.lineno
        for node in ast.walk(sources.tree(path))
        if isinstance(node, ast.ExceptHandler) and _catches_everything(node)
    ]
    assert not broad, f"catches everything in lines {broad}"


@pytest.mark.parametrize("path", ALL_MODULES, ids=identify)
def test_no_drawer_is_called_utils(path: Path) -> None:
    parts = {part.removesuffix(".py") for part in path.relative_to(sources.ROOT).parts}
    assert not parts & BANNED_NAMES, f"name what lives in it, not {parts & BANNED_NAMES}"


@every_module
def test_no_bare_pass_through_of_keywords(path: Path) -> None:
    """A public function of a domain room names its arguments."""
    if not sources.relative(path).startswith("app/domain/"):
        return
    loose = [
        function.name
        for function in sources.functions(path)
        if function.args.kwarg and not function.name.startswith("_") and function.name != "enqueue"
    ]
    assert not loose, f"**kwargs in {loose}"


@pytest.mark.parametrize("path", sources.test_modules(), ids=identify)
def test_tests_do_not_sleep(path: Path) -> None:
    """Waiting is polling; the only sleeps are inside the functions that poll."""
    if sources.relative(path).startswith(("tests/support/", "tests/bench/")):
        return
    sleeps = [
        node.lineno
        for node in ast.walk(sources.tree(path))
        if isinstance(node, ast.Call) and sources.dotted(node.func) in ("time.sleep", "sleep")
    ]
    assert not sleeps, f"sleeps in lines {sleeps}; poll with wait_until"
