"""Compressed answers put together from parts that were compressed once and words that were not.

What belongs to one person stands uncompressed between them, so the length of an answer says
nothing about a secret in it.
"""

import re
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_LAST_BLOCK = b"\x03\x00"
_LEVEL = 6
_LONGEST_BLOCK = 0xFFFF


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes as they are and compressed, and the mark of what follows them, if something does."""

    plain: bytes
    packed: bytes
    mark: str


def parts_of(text: str, marks: Sequence[str]) -> tuple[Part, ...]:
    """Return `text` cut at `marks`; of two that begin alike the longer comes first."""
    pieces = re.split(f"({'|'.join(map(re.escape, marks))})", text)
    texts, found = pieces[::2], [*pieces[1::2], ""]
    return tuple(
        Part(piece.encode(), _packed(piece.encode()), mark)
        for piece, mark in zip(texts, found, strict=True)
    )


def _packed(plain: bytes) -> bytes:
    """Return a piece of a deflate stream that refers to nothing outside of it."""
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(plain) + packer.flush(zlib.Z_FULL_FLUSH)


def filled(parts: Sequence[Part], inner: Mapping[str, Sequence[Part]]) -> list[Part]:
    """Return `parts` with further parts in the places of the marks in `inner`."""
    whole: list[Part] = []
    for part in parts:
        if part.mark in inner:
            whole.append(Part(part.plain, part.packed, ""))
            whole.extend(inner[part.mark])
        else:
            whole.append(part)
    return whole


def gzipped(parts: Sequence[Part], values: Mapping[str, bytes]) -> bytes:
    """Return the gzip file of `parts` with each mark's value after its part."""
    out = [_HEADER]
    checksum = length = 0
    for part in parts:
        out.append(part.packed)
        checksum = zlib.crc32(part.plain, checksum)
        length += len(part.plain)
        if part.mark:
            value = values[part.mark]
            checksum = zlib.crc32(value, checksum)
            length += len(value)
            out.extend(_stored(value))
    out += (_LAST_BLOCK, struct.pack("<II", checksum, length & 0xFFFFFFFF))
    return b"".join(out)


def joined(parts: Sequence[Part], values: Mapping[str, bytes]) -> bytes:
    """Return `parts` with each mark's value after its part, uncompressed."""
    out: list[bytes] = []
    for part in parts:
        out.append(part.plain)
        if part.mark:
            out.append(values[part.mark])
    return b"".join(out)


def _stored(value: bytes) -> list[bytes]:
    """Return `value` as blocks that are not compressed."""
    pieces: list[bytes] = []
    for start in range(0, len(value), _LONGEST_BLOCK):
        piece = value[start : start + _LONGEST_BLOCK]
        pieces += (struct.pack("<BHH", 0, len(piece), len(piece) ^ 0xFFFF), piece)
    return pieces
