"""The project's own files, for tests that read the code instead of running it."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOREIGN_FOLDERS = frozenset(
    {"var", "node_modules", "__pycache__", "vendor", "build", "dist", "htmlcov"}
)
OWN_DOT_FOLDERS = frozenset({".ci", ".github"})


def _is_own(name: str) -> bool:
    if name in OWN_DOT_FOLDERS:
        return True
    return name not in FOREIGN_FOLDERS and not name.startswith(".")


def walk(folder: Path = ROOT, *suffixes: str) -> Iterator[Path]:
    """Yield the project's files below `folder`, in order, optionally only some suffixes."""
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        if path.is_symlink():
            continue
        if path.is_dir():
            if _is_own(path.name):
                yield from walk(path, *suffixes)
        elif not suffixes or path.suffix in suffixes:
            yield path


def relative(path: Path) -> str:
    """Return `path` as it is written in reports and allow-lists."""
    return path.relative_to(ROOT).as_posix()


@cache
def application_modules() -> tuple[Path, ...]:
    """Return every Python file of the application."""
    top = [path for name in ("wsgi.py", "gunicorn.conf.py") if (path := ROOT / name).is_file()]
    return (*walk(ROOT / "app", ".py"), *top)


@cache
def test_modules() -> tuple[Path, ...]:
    """Return every Python file of the tests."""
    return tuple(walk(ROOT / "tests", ".py"))


@cache
def templates() -> tuple[Path, ...]:
    """Return every template, mail texts included."""
    return tuple(walk(ROOT / "app" / "templates"))


@cache
def tree(path: Path) -> ast.Module:
    """Return the parsed module at `path`."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(path: Path) -> Iterator[Function]:
    """Yield every function and method of a module, nested ones too."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def imported(node: ast.AST) -> Iterator[str]:
    """Yield the names of the modules that an import statement names; nothing for other nodes."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        yield node.module


def dotted(node: ast.AST) -> str:
    """Return `a.b.c` for a chain of attributes, an empty string for anything else."""
    if isinstance(node, ast.Attribute):
        head = dotted(node.value)
        return f"{head}.{node.attr}" if head else ""
    return node.id if isinstance(node, ast.Name) else ""
