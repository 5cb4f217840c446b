"""Reads the text of a PDF that embeds subsets of fonts, as a reader program would."""

import re
import zlib

_OBJECT = re.compile(rb"(\d+) 0 obj\n(.*?)\nendobj", re.DOTALL)
_STREAM = re.compile(rb"stream\n(.*)\nendstream", re.DOTALL)
_FONT = re.compile(rb"/(F\d+) (\d+) 0 R")
_TO_UNICODE = re.compile(rb"/ToUnicode (\d+) 0 R")
_PAIR = re.compile(rb"<([0-9A-Fa-f]{4})> <([0-9A-Fa-f]+)>")
_SPOKEN = re.compile(rb"/(F\d+) [\d.]+ Tf|\((.*?)(?<!\\)\) Tj|\[(.*?)\] TJ", re.DOTALL)
_ESCAPE = re.compile(rb"\\(.)", re.DOTALL)
_CONTROLS = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}


def text_of(pdf: bytes) -> str:
    """Return what stands on the pages, a line for each piece that was set."""
    objects = {int(number): body for number, body in _OBJECT.findall(pdf)}
    alphabets = _alphabets(objects)
    pieces: list[str] = []
    for body in objects.values():
        content = _content(body)
        if b"BT" not in content or b" Tf" not in content:
            continue
        letters: dict[int, str] = {}
        for font, words, _ in _SPOKEN.findall(content):
            if font:
                letters = alphabets[font]
            elif words:
                pieces.append(_read(words, letters))
    return "\n".join(pieces)


def _alphabets(objects: dict[int, bytes]) -> dict[bytes, dict[int, str]]:
    found: dict[bytes, dict[int, str]] = {}
    for body in objects.values():
        for name, number in _FONT.findall(body):
            table = _TO_UNICODE.search(objects.get(int(number), b""))
            if table:
                pairs = _PAIR.findall(_content(objects[int(table[1])]))
                found[name] = {
                    int(glyph, 16): bytes.fromhex(text.decode()).decode("utf-16-be")
                    for glyph, text in pairs
                }
    return found


def _content(body: bytes) -> bytes:
    stream = _STREAM.search(body)
    if not stream:
        return b""
    try:
        return zlib.decompress(stream[1])
    except zlib.error:
        return stream[1]


def _read(words: bytes, letters: dict[int, str]) -> str:
    plain = _ESCAPE.sub(lambda found: _CONTROLS.get(found[1], found[1]), words)
    glyphs = [int.from_bytes(plain[at : at + 2], "big") for at in range(0, len(plain), 2)]
    return "".join(letters.get(glyph, "\ufffd") for glyph in glyphs)
