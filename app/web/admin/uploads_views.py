"""How uploads and their parts are shown to their owner, in JSON and on pages."""

from typing import Any

from flask import url_for

from app.domain.videos import uploads
from app.domain.videos.part_addresses import Signed
from app.domain.videos.upload_models import Upload
from app.domain.videos.uploads import SILENCE, PartState
from app.errors import NotFound

View = dict[str, Any]


def upload_view(upload: Upload) -> View:
    """Return an upload without its parts."""
    return {
        "upload_id": upload.id,
        "purpose": upload.purpose.value,
        "status": upload.status.value,
        "filename": upload.filename,
        "content_type": upload.content_type,
        "size_bytes": upload.size_bytes,
        "part_size_bytes": upload.part_size_bytes,
        "part_count": uploads.place_of(upload).plan.part_count,
        "target_id": upload.target_id,
        "fingerprint": upload.fingerprint,
        "created_at": upload.created_at,
        "touched_at": upload.touched_at,
        "expires_at": upload.touched_at + SILENCE,
    }


def open_upload_view(upload: Upload) -> View:
    """Return an unfinished upload and how much of it has arrived."""
    try:
        parts = uploads.list_parts(uploads.place_of(upload))
    except NotFound:  # the storage was changed or emptied by somebody else
        parts = []
    received = sum(part.size_bytes for part in parts if part.etag)
    return {**upload_view(upload), "received_bytes": received}


def part_view(upload: Upload, part: PartState) -> View:
    """Return a part and where it is to be PUT: an address with everything a script needs."""
    signed = uploads.sign(upload, part.number)
    if isinstance(signed, Signed):
        signed = url_for(
            "admin.put_part",
            upload_id=upload.id,
            number=part.number,
            expires=signed.expires,
            signature=signed.signature,
            _external=True,
        )
    return {
        "number": part.number,
        "size_bytes": part.size_bytes,
        "url": signed,
        "etag": part.etag,
    }
