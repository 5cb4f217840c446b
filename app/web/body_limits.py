"""How large a request may be: 1 MB, more where a signed-in person sends a file in one piece."""

from collections.abc import Callable

from flask import request

from app.current import settings

# What a form, or a JSON text, has around the file.
AROUND_BYTES = 64 * 1024


def _as_form() -> int:
    return settings.max_proof_upload_bytes + AROUND_BYTES


def _as_base64() -> int:
    """Base64 makes four characters of three bytes."""
    is_form = request.mimetype == "multipart/form-data"
    return _as_form() if is_form else settings.max_proof_upload_bytes * 4 // 3 + AROUND_BYTES


LARGER: dict[str, Callable[[], int]] = {
    "courses.send_proof": _as_form,
    "courses.send_proof_by_program": _as_base64,
}


def widen(find_person: Callable[[], object | None]) -> None:
    """Let a larger body in where one may come, from whoever is signed in.

    To be called before anything reads the body, as looking for a form's token does.
    """
    limit = LARGER.get(request.endpoint or "")
    if limit is not None and find_person() is not None:
        request.max_content_length = limit()
