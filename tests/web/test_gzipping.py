"""Answers put together from compressed parts: any gzip reader sees the words in their places."""

import gzip
import zlib

import pytest

from app.web.gzipping import filled, gzipped, joined, parts_of

pytestmark = pytest.mark.no_database
LONG, SHORT = "\ue000\ue001", "\ue000"
TEXTS = {
    "nothing": "",
    "no marks": "plain " * 500,
    "only a mark": SHORT,
    "marks side by side": f"{SHORT}{LONG}{SHORT}",
    "marks at the ends": f"{LONG}<p>Zoë</p>{SHORT}",
}
VALUES = {LONG: "Zoë O&#39;Brien".encode(), SHORT: b"ZO"}


@pytest.mark.parametrize("name", TEXTS)
def test_packed_parts_and_values_unpack_to_the_whole_text(name: str) -> None:
    text = TEXTS[name]
    parts = parts_of(text, (LONG, SHORT))
    whole = text.encode()
    for mark, value in VALUES.items():
        whole = whole.replace(mark.encode(), value)
    assert joined(parts, VALUES) == whole
    assert gzip.decompress(gzipped(parts, VALUES)) == whole
    assert zlib.decompress(gzipped(parts, VALUES), zlib.MAX_WBITS | 32) == whole


@pytest.mark.parametrize("length", [0, 1, 65535, 65536, 200_000])
def test_a_value_may_have_any_length(length: int) -> None:
    parts = parts_of(f"a{SHORT}b", (LONG, SHORT))
    packed = gzipped(parts, {SHORT: b"x" * length})
    assert gzip.decompress(packed) == b"a" + b"x" * length + b"b"


def test_a_persons_words_never_change_the_length_by_what_stands_around_them() -> None:
    """A secret that repeats what an attacker puts on the page would otherwise be shorter."""
    parts = parts_of(f"guess=secret {SHORT}", (LONG, SHORT))
    assert len(gzipped(parts, {SHORT: b"secret"})) == len(gzipped(parts, {SHORT: b"qwxyzv"}))


def test_parts_stand_in_the_places_of_marks() -> None:
    outer = parts_of(f"<main>\ue004</main>{SHORT}", ("\ue004", SHORT))
    inner = parts_of(f"<p>{SHORT}</p>", (SHORT,))
    whole = filled(outer, {"\ue004": inner})
    expected = b"<main><p>ZO</p></main>ZO"
    assert joined(whole, VALUES) == expected
    assert gzip.decompress(gzipped(whole, VALUES)) == expected
    assert filled(outer, {}) == list(outer)
