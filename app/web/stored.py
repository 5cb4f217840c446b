"""Sends what lies in storage: by nginx where it can, else piece by piece."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import BinaryIO

from flask import Response, send_file
from werkzeug.http import dump_options_header
from werkzeug.utils import secure_filename

from app.current import integrations, settings
from app.errors import NotFound

CHUNK_BYTES = 64 * 1024


def send_stored(key: str, content_type: str) -> Response:
    """Return a stored object; byte ranges work where its files are this machine's.

    Raises NotFound, StorageUnavailable.
    """
    path = integrations.storage.local_path(key)
    if path is None:
        response = _streamed(key, content_type)
    elif settings.x_accel_prefix:
        response = Response(mimetype=content_type)
        response.headers["X-Accel-Redirect"] = f"{settings.x_accel_prefix}/{key}"
    elif path.is_file():
        response = send_file(path, mimetype=content_type, etag=False, conditional=True)
    else:
        raise NotFound
    response.headers["Content-Type"] = content_type
    return response


def call_it(response: Response, filename: str, *, is_attachment: bool = True) -> None:
    """Say what the file is called (RFC 6266), in Latin letters for programs that know no others."""
    options = {"filename": secure_filename(filename) or "file"}
    if options["filename"] != filename:
        options["filename*"] = f"UTF-8''{_percent_encoded(filename)}"
    kind = "attachment" if is_attachment else "inline"
    response.headers["Content-Disposition"] = dump_options_header(kind, options)


def _percent_encoded(text: str) -> str:
    return "".join(
        chr(byte) if chr(byte).isascii() and chr(byte).isalnum() else f"%{byte:02X}"
        for byte in text.encode()
    )


def _streamed(key: str, content_type: str) -> Response:
    stack = ExitStack()
    size = integrations.storage.size(key)
    stored = stack.enter_context(integrations.storage.open(key))
    response = Response(_pieces(stored), mimetype=content_type)
    response.content_length = size
    response.call_on_close(stack.close)
    return response


def _pieces(stored: BinaryIO) -> Iterator[bytes]:
    while piece := stored.read(CHUNK_BYTES):
        yield piece
