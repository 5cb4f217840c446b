"""What another site makes a browser send is refused here: by origin, by content, by form token."""

from urllib.parse import urlsplit

from flask import request
from werkzeug.exceptions import UnsupportedMediaType

from app.current import settings
from app.errors import Forbidden
from app.web import form_tokens

JSON = "application/json"
FORM = "multipart/form-data"
# These take a file as well: as a form, from a page of this site or with a key.
FORM_ENDPOINTS = frozenset({"courses.send_proof_by_program"})


def refuse_foreign() -> None:
    """Let an unsafe request of a browser pass if it comes from this site, in the form it must have.

    Raises Forbidden, UnsupportedMediaType, CSRFError.
    """
    _require_same_origin()
    if not request.path.startswith("/api/"):
        form_tokens.require()


def require_json(*, is_key: bool) -> None:
    """Refuse bodies that a browser sends across sites without asking first.

    Whether the view reads them or not: a form of another site may aim at one that does not.
    Raises UnsupportedMediaType, Forbidden.
    """
    if request.endpoint in FORM_ENDPOINTS and request.mimetype == FORM:
        if not is_key:
            _require_own_page()
        return
    has_body = bool(request.content_length) or "Transfer-Encoding" in request.headers
    if request.mimetype != JSON and (request.mimetype or has_body):
        raise UnsupportedMediaType(f"Send the body as {JSON}.")


def _require_own_page() -> None:
    """Let a form pass that a browser says is of this site. Raises Forbidden."""
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site != "same-origin" and origin is None:
        raise Forbidden("A form has to come from a page of this site. Send JSON instead.")


def _require_same_origin() -> None:
    """Scripts send neither header and may pass."""
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if origin and origin in settings.allowed_origins:
        return
    if site is not None and site not in ("same-origin", "none"):
        raise Forbidden("This request came from another site.")
    if origin is None:
        return
    if origin not in {_origin_of(request.host_url), _origin_of(settings.public_base_url)}:
        raise Forbidden("This request came from another site.")


def _origin_of(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"
