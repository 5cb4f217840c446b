"""The container formats that are let in: by their first bytes, and by ffmpeg's names for them."""

from pathlib import Path

HEADER_BYTES = 16
EXTENSIONS = {"mp4": ".mp4", "matroska": ".mkv", "avi": ".avi"}
FORMAT_WHITELIST = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi"

_MP4_BOXES = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot")
_MATROSKA = b"\x1aE\xdf\xa3"
_FAMILIES = {"mov": "mp4", "mp4": "mp4", "matroska": "matroska", "webm": "matroska", "avi": "avi"}


def sniff(path: Path) -> str | None:
    """Return the container family that the first bytes claim: mp4, matroska, avi or None."""
    with path.open("rb") as file:
        return sniff_head(file.read(HEADER_BYTES))


def sniff_head(head: bytes) -> str | None:
    """Return the container family of a file that begins so, or None."""
    if head[4:8] in _MP4_BOXES:
        return "mp4"
    if head.startswith(_MATROSKA):
        return "matroska"
    if head.startswith(b"RIFF") and head[8:12] == b"AVI ":
        return "avi"
    return None


def family(format_name: str) -> str | None:
    """Return the family of ffmpeg's comma-separated `format_name`, or None when not let in."""
    return next((_FAMILIES[name] for name in format_name.split(",") if name in _FAMILIES), None)
