"""Each translation is compiled as it is written, and keeps the placeholders of its message."""

import re
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po

from tests.support.messages import lacking

ROOT = Path(__file__).parents[2] / "app" / "translations"
CATALOGS = sorted(ROOT.glob("*/LC_MESSAGES/messages.po"))
PLACEHOLDER = re.compile(r"%\(\w+\)\d*[sd]|%%|\{\w+\}")


def _read(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale=path.parts[-3])


def _forms(text: object) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text)  # type: ignore[arg-type]


def _messages(catalog: Catalog) -> list[Message]:
    return [message for message in catalog if message.id]


def test_there_is_an_amharic_interface() -> None:
    assert "am" in {path.parts[-3] for path in CATALOGS}


@pytest.mark.parametrize("path", CATALOGS, ids=lambda path: path.parts[-3])
def test_what_is_compiled_is_what_is_written(path: Path) -> None:
    with path.with_suffix(".mo").open("rb") as file:
        compiled = {_forms(m.id): _forms(m.string) for m in _messages(read_mo(file))}
    written = {_forms(m.id): _forms(m.string) for m in _messages(_read(path)) if m.string}
    assert compiled == written


@pytest.mark.parametrize("path", CATALOGS, ids=lambda path: path.parts[-3])
def test_a_translation_keeps_every_placeholder(path: Path) -> None:
    for message in _messages(_read(path)):
        wanted = set(PLACEHOLDER.findall(_forms(message.id)[-1]))
        for form in _forms(message.string):
            assert set(PLACEHOLDER.findall(form)) == wanted, message.id


@pytest.mark.parametrize("path", CATALOGS, ids=lambda path: path.parts[-3])
def test_everything_people_read_is_translated(path: Path) -> None:
    assert lacking(path) == {}
