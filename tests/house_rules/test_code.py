"""The shape of the code: sizes, layers that cannot be seen by an import linter, banned names."""

import ast
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from tests.support import sources

pytestmark = pytest.mark.no_database
MODULES = sources.application_modules()
ALL_MODULES = MODULES + sources.test_modules()
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 50
DOORS = ("app/web/", "app/worker/", "app/cli/", "app/demo/")
BANNED_NAMES = frozenset({"utils", "util", "helpers", "helper", "common", "manager", "service"})
MAY_CATCH_EVERYTHING = (
    "app/worker/",
    "app/web/pages/health.py",
    "app/integrations/probes.py",
    "app/metrics/shelf.py",
    "app/cli/checks/running.py",
)
MAY_READ_ENVIRONMENT = ("app/config.py", "gunicorn.conf.py")


def _faults(
    modules: Iterable[Path], check: Callable[[Path], Iterator[str]], spared: tuple[str, ...] = ()
) -> list[str]:
    """Return what `check` finds in each module whose path does not begin with one of `spared`."""
    return [
        f"{name}: {fault}"
        for path in modules
        if not (name := sources.relative(path)).startswith(spared or ("\0",))
        for fault in check(path)
    ]


def test_files_are_short_enough_to_read() -> None:
    def check(path: Path) -> Iterator[str]:
        lines = path.read_text(encoding="utf-8").count("\n")
        if lines > MAX_FILE_LINES:
            yield f"{lines} lines, {MAX_FILE_LINES} at most"

    assert not _faults(ALL_MODULES, check)


def test_functions_fit_on_a_screen() -> None:
    def check(path: Path) -> Iterator[str]:
        for function in sources.functions(path):
            length = (function.end_lineno or 0) - function.lineno + 1
            if length > MAX_FUNCTION_LINES:
                yield f"{function.name} in line {function.lineno} has {length} lines"

    assert not _faults(ALL_MODULES, check)


def test_modules_say_what_lives_in_them() -> None:
    def check(path: Path) -> Iterator[str]:
        is_empty_package = path.name == "__init__.py" and not path.read_text("utf-8").strip()
        if not is_empty_package and not ast.get_docstring(sources.tree(path)):
            yield "no docstring"

    assert not _faults(ALL_MODULES, check)


def test_nothing_of_ours_is_imported_inside_a_function() -> None:
    def check(path: Path) -> Iterator[str]:
        for function in sources.functions(path):
            for node in ast.walk(function):
                for name in sources.imported(node):
                    if name.split(".")[0] in ("app", "tests"):
                        yield f"{function.name} imports {name}"

    # Each loads what its process needs.
    factories = ("app/__init__.py", "app/cli/processes.py")
    assert not _faults(ALL_MODULES, check, spared=factories)


def test_only_doors_commit() -> None:
    def check(path: Path) -> Iterator[str]:
        for node in ast.walk(sources.tree(path)):
            is_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
            if is_call and node.func.attr == "commit":
                yield f"commits in line {node.lineno}"

    session = "app/database.py"  # what they say it to
    assert not _faults(MODULES, check, spared=(*DOORS, session))


def test_the_environment_is_read_in_one_place() -> None:
    def check(path: Path) -> Iterator[str]:
        for node in ast.walk(sources.tree(path)):
            if sources.dotted(node) in ("os.environ", "os.getenv"):
                yield f"reads the environment in line {node.lineno}"
            names = node.names if isinstance(node, ast.ImportFrom) and node.module == "os" else ()
            if {alias.name for alias in names} & {"environ", "getenv"}:
                yield f"imports the environment in line {node.lineno}"

    assert not _faults(MODULES, check, spared=MAY_READ_ENVIRONMENT)


def _catches_everything(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(sources.dotted(kind) in ("Exception", "BaseException") for kind in caught)


def _only_tidies_up(handler: ast.ExceptHandler) -> bool:
    """Whether the handler's last word is to raise the very error again."""
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def test_no_error_is_swallowed() -> None:
    def check(path: Path) -> Iterator[str]:
        for node in ast.walk(sources.tree(path)):
            is_broad = isinstance(node, ast.ExceptHandler) and _catches_everything(node)
            if is_broad and not _only_tidies_up(node):
                yield f"catches everything in line {node.lineno}"

    assert not _faults(MODULES, check, spared=MAY_CATCH_EVERYTHING)


def test_no_drawer_is_called_utils() -> None:
    def check(path: Path) -> Iterator[str]:
        parts = {part.removesuffix(".py") for part in path.relative_to(sources.ROOT).parts}
        yield from sorted(parts & BANNED_NAMES)

    assert not _faults(ALL_MODULES, check)


def _calls_of_sleep(node: ast.AST) -> Iterator[ast.Call]:
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and sources.dotted(call.func) in ("time.sleep", "sleep"):
            yield call


def test_tests_do_not_sleep() -> None:
    """Waiting is polling: a sleep stands inside the loop that asks again."""

    def check(path: Path) -> Iterator[str]:
        tree = sources.tree(path)
        loops = [node for node in ast.walk(tree) if isinstance(node, ast.While | ast.For)]
        polling = {call.lineno for loop in loops for call in _calls_of_sleep(loop)}
        for call in _calls_of_sleep(tree):
            if call.lineno not in polling:
                yield f"sleeps in line {call.lineno}; poll with wait_until"

    assert not _faults(sources.test_modules(), check)
