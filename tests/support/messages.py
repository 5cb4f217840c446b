"""Every text of the product that people read, for the translations to be complete.

`python -m tests.support.messages` prints what a language lacks, as entries for its messages.po.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from app.errors import DomainError
from tests.support.server import ROOT

APP = ROOT / "app"
TRANSLATIONS = APP / "translations"
METHODS = [("**.py", "python"), ("templates/**.html", "jinja2"), ("templates/**.txt", "jinja2")]
OPTIONS = {"templates/**": {"trim_blocks": "true", "lstrip_blocks": "true"}}
KEYWORDS: dict[str, tuple[int, ...] | None] = {
    "_": None,
    "gettext": None,
    "lazy_gettext": None,
    "ngettext": (1, 2),
    "lazy_ngettext": (1, 2),
}
# The domain speaks English and knows no gettext: what it raises is translated at the door.
ERROR_FILES = (
    APP / "errors.py",
    APP / "web" / "errors.py",
    *sorted((APP / "domain").rglob("*.py")),
)
DOMAIN_ERRORS = {error.__name__ for error in DomainError.__subclasses__()}
Message = str | tuple[str, ...]


def marked() -> dict[Message, str]:
    """Return the texts that are passed through gettext, each with a place it is used at."""
    found: dict[Message, str] = {}
    for name, line, message, *_ in extract_from_dir(
        str(APP), method_map=METHODS, options_map=OPTIONS, keywords=KEYWORDS
    ):
        key = message if isinstance(message, str) else tuple(message)
        found.setdefault(key, f"{name}:{line}")
    return found


def raised() -> dict[Message, str]:
    """Return the fixed texts of the domain's errors, each with a place it is written at."""
    found: dict[Message, str] = {}
    for path in ERROR_FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for text in _texts(node):
                found.setdefault(text, f"{path.relative_to(APP)}:{node.lineno}")  # type: ignore[attr-defined]
    return found


def _texts(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Assign(targets=[ast.Name(id="detail")], value=ast.Constant(value=str(text))):
            yield text
        case ast.Assign(targets=[ast.Name(id="TITLES")], value=ast.Dict() as titles):
            yield from _strings(titles)
        case ast.Raise(exc=ast.Call(func=ast.Name(id=name), args=[first, *_])):
            if name in DOMAIN_ERRORS:
                yield from _strings(first)


def _strings(node: ast.expr) -> Iterator[str]:
    match node:
        case ast.Constant(value=str(text)) if " " in text:
            yield text
        case ast.Dict(values=values):
            for value in values:
                yield from _strings(value)


def lacking(catalog: Path) -> dict[Message, str]:
    """Return the texts that a messages.po does not translate."""
    with catalog.open("rb") as file:
        messages = read_po(file, locale=catalog.parts[-3])
    known = {
        message.id if isinstance(message.id, str) else tuple(message.id)
        for message in messages
        if message.id and all(_forms(message.string))
    }
    return {text: place for text, place in {**marked(), **raised()}.items() if text not in known}


def _forms(string: str | tuple[str, ...]) -> tuple[str, ...]:
    return (string,) if isinstance(string, str) else tuple(string)


if __name__ == "__main__":
    for path in sorted(TRANSLATIONS.glob("*/LC_MESSAGES/messages.po")):
        missing = lacking(path)
        print(f"{path.relative_to(ROOT)} lacks {len(missing)} texts")
        for text, place in missing.items():
            print(f"  {place}: {text!r}")
