"""Which files a course may hand out, what they are called and what they are said to be.

What a sender says about a file's type counts for nothing.
"""

import unicodedata
from pathlib import PurePosixPath
from typing import BinaryIO

from app.errors import FileRefused

MAX_NAME = 120
PDF = "application/pdf"
UNKNOWN = "application/octet-stream"
PDF_HEAD_BYTES = 1024

# Types that a browser only saves or shows; whatever it would run is `UNKNOWN`.
TYPES = {
    ".pdf": PDF,
    ".zip": "application/zip",
    ".epub": "application/epub+zip",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ".odt": "application/vnd.oasis.opendocument.text",
    ".ods": "application/vnd.oasis.opendocument.spreadsheet",
    ".odp": "application/vnd.oasis.opendocument.presentation",
    ".txt": "text/plain",
    ".md": "text/markdown",
    ".csv": "text/csv",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
    ".gif": "image/gif",
    ".mp3": "audio/mpeg",
    ".m4a": "audio/mp4",
    ".ogg": "audio/ogg",
    ".wav": "audio/wav",
}
# A double click runs these, or a browser does: nobody should get them from a school.
REFUSED = frozenset(
    {
        ".app", ".apk", ".appimage", ".bat", ".chm", ".cmd", ".com", ".cpl", ".deb", ".dll", ".dmg",
        ".exe", ".gadget", ".hta", ".htm", ".html", ".iso", ".jar", ".js", ".jse", ".lnk", ".mht",
        ".mhtml", ".msc", ".msi", ".msp", ".pif", ".pkg", ".ps1", ".reg", ".rpm", ".scf", ".scr",
        ".sh", ".svg", ".svgz", ".swf", ".url", ".vb", ".vbe", ".vbs", ".wsf", ".wsh", ".xhtml",
        ".xht", ".xsl",
    }
)  # fmt: skip


def clean_name(filename: str) -> str:
    """Return the name as people see it: one line, no folders, no marks that turn it around.

    Raises FileRefused for a kind that is not handed out, or where nothing is left.
    """
    plain = unicodedata.normalize("NFC", filename).replace("\\", "/")
    name = PurePosixPath(plain).name
    name = "".join(letter if letter.isprintable() else " " for letter in name)
    name = " ".join(name.split()).strip(". ")
    suffix = PurePosixPath(name).suffix
    if not name.removesuffix(suffix).strip():
        raise FileRefused("Give the file a name.")
    if suffix.lower() in REFUSED:
        raise FileRefused(
            f"Files that end in {suffix.lower()} can run by themselves and are not handed out. "
            "Put it into a zip if learners need it."
        )
    if len(suffix) > MAX_NAME // 4:
        suffix = ""
    return name.removesuffix(suffix)[: MAX_NAME - len(suffix)].rstrip() + suffix


def type_of(filename: str) -> str:
    """Return the content type that a file of this name is sent with."""
    return TYPES.get(PurePosixPath(filename).suffix.lower(), UNKNOWN)


def require_pdf(stored: BinaryIO) -> None:
    """Pass when the object begins as a PDF does. Raises FileRefused."""
    if b"%PDF-" not in stored.read(PDF_HEAD_BYTES):
        raise FileRefused("This is no PDF. Export the document as PDF and send it again.")
