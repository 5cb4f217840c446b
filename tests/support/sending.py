"""A stranger's script that uploads: what it is told, PUT without credentials, complete."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from flask.testing import FlaskClient

MP4_HEAD = b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00"


def film(size: int) -> bytes:
    """Return bytes that begin as an MP4 does."""
    return MP4_HEAD + bytes(number % 251 for number in range(size - len(MP4_HEAD)))


def begin(client: FlaskClient, data: bytes, **values: Any) -> dict[str, Any]:
    """Begin an upload of `data`; return the answer."""
    body = {"filename": "film.mp4", "size_bytes": len(data), "content_type": "video/mp4", **values}
    answer = client.post("/api/admin/uploads", json=body)
    assert answer.status_code == 201, answer.text
    upload: dict[str, Any] = answer.get_json()
    return upload


def address_of(part: dict[str, Any]) -> str:
    """Return the part of a url that a test client asks for."""
    parts = urlsplit(part["url"])
    return f"{parts.path}?{parts.query}"


def put_parts(
    anybody: FlaskClient, upload: dict[str, Any], data: bytes, numbers: Iterable[int] | None = None
) -> dict[int, str]:
    """PUT parts (default: all) to their urls; return their etags as they were answered."""
    size, etags = upload["part_size_bytes"], {}
    for part in upload["parts"]:
        number = part["number"]
        if numbers is None or number in numbers:
            piece = data[(number - 1) * size : number * size]
            answer = anybody.put(address_of(part), data=piece)
            assert answer.status_code == 200, answer.text
            etags[number] = answer.headers["ETag"]
    return etags


def complete(
    client: FlaskClient, upload: dict[str, Any], etags: dict[int, str], **values: Any
) -> Any:
    """Complete the upload; return the response."""
    parts = [{"number": number, "etag": etag} for number, etag in sorted(etags.items())]
    address = f"/api/admin/uploads/{upload['upload_id']}/complete"
    return client.post(address, json={"parts": parts, **values})
