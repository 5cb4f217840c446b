"""Files of proofs: pictures drawn anew, PDFs kept as they are; nobody but staff gets them.

What was sent is known by its bytes (SHA-256) and, a picture, by what it shows.
"""

import hashlib
import re
import uuid
from dataclasses import dataclass
from pathlib import Path

from app.current import integrations, settings
from app.domain.videos import scratch
from app.errors import FileRefused, TooLarge
from app.integrations.images import VARIANT_TYPE

FOLDER = "proofs"
WORK_FOLDER = "work"
PDF = "application/pdf"
SMALL, LARGE = 480, 1800
WIDTHS = (SMALL, LARGE)
MIN_SIDE = 120
_PDF_START = b"%PDF-"
_PDF_END = b"%%EOF"
_END_BYTES = 2048
# Boxes of ISO media: what phones call HEIC, and AVIF. Brands: ISO/IEC 23008-12, AVIF 1.1.
_ISO_PICTURE = re.compile(rb"ftyp(?:hei[cxms]|hev[cxms]|mif1|msf1|avi[fs])", re.DOTALL)
NO_HEIC = (
    "This is a HEIC photo, which most browsers cannot show. Take a screenshot of it and send that, "
    "or choose Settings, Camera, Formats, Most Compatible on your iPhone and take it again."
)
NO_KIND = "Send a photo (JPEG, PNG or WebP) or a PDF; this file is none of them."
LOCKED_PDF = "This PDF is locked with a password. Print it to a new PDF, or send a photo of it."
CUT_PDF = "The end of this PDF is missing. Fetch it once more from your bank and send it again."
ACTIVE_PDF = "This PDF contains programs. Print it to a new PDF, or send a photo of it."


@dataclass(frozen=True, slots=True)
class Kept:
    """A stored file of a proof; `fingerprint` is of what a picture shows, None for a PDF."""

    proof_id: uuid.UUID
    order_id: uuid.UUID
    content_type: str
    size_bytes: int
    sha256: str
    fingerprint: int | None

    @property
    def folder(self) -> str:
        """Return the storage folder of the file and its sizes."""
        return f"{FOLDER}/{self.order_id}/{self.proof_id}"


def keep(order_id: uuid.UUID, source: Path) -> Kept:
    """Store what was sent for an order; its name and its claimed type are not looked at.

    Takes seconds, so no transaction should be open. Raises TooLarge, FileRefused, StorageFull,
    StorageUnavailable.
    """
    size = source.stat().st_size
    check_size(size)
    with source.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(0)
        start = file.read(64)
    if start.startswith(_PDF_START):
        _check_pdf(source)
        kept = Kept(uuid.uuid4(), order_id, PDF, size, sha256, None)
        integrations.storage.put_file(document_key(kept.folder), source, PDF)
        return kept
    if _ISO_PICTURE.match(start, 4):
        raise FileRefused(NO_HEIC)
    if not _is_picture(start):
        raise FileRefused(NO_KIND)
    return _draw(order_id, source, size, sha256)


def check_size(size_bytes: int) -> None:
    """Refuse what is too large, or nothing at all. Raises TooLarge, FileRefused."""
    limit = settings.max_proof_upload_bytes
    if size_bytes > limit:
        raise TooLarge(
            f"The file is larger than {limit // 1024**2} MB.",
            layer="application",
            limit_bytes=limit,
            remedy="Send a smaller photo, or a screenshot of it.",
        )
    if not size_bytes:
        raise FileRefused("The file is empty. Choose it again.")


def discard(folder: str) -> None:
    """Remove what no proof stands for; for after the commit."""
    integrations.storage.delete_prefix(folder)


def picture_key(folder: str, width: int) -> str:
    """Return where a picture of this width lies."""
    return f"{folder}/{width}.webp"


def document_key(folder: str) -> str:
    """Return where the PDF lies."""
    return f"{folder}/proof.pdf"


def _draw(order_id: uuid.UUID, source: Path, size: int, sha256: str) -> Kept:
    proof_id = uuid.uuid4()
    with scratch.folder(settings.data_dir / WORK_FOLDER, f"proof-{proof_id}") as target:
        picture = integrations.images.make_variants(source, target, WIDTHS, min_side=MIN_SIDE)
        kept = Kept(proof_id, order_id, VARIANT_TYPE, size, sha256, picture.fingerprint)
        for width in WIDTHS:
            drawn = target / f"{width}.webp"
            integrations.storage.put_file(picture_key(kept.folder, width), drawn, VARIANT_TYPE)
    return kept


def _is_picture(start: bytes) -> bool:
    """Whether the bytes begin as one of the kinds the sandbox draws."""
    is_webp = start[:4] == b"RIFF" and start[8:12] == b"WEBP"
    return is_webp or start.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"))


def _check_pdf(source: Path) -> None:
    """Refuse what a reviewer could not open, or should not. Raises FileRefused."""
    data = source.read_bytes()
    if _PDF_END not in data[-_END_BYTES:]:
        raise FileRefused(CUT_PDF)
    if b"/Encrypt" in data:
        raise FileRefused(LOCKED_PDF)
    if re.search(rb"/(?:JavaScript|JS|Launch|EmbeddedFile)\b", data):
        raise FileRefused(ACTIVE_PDF)
