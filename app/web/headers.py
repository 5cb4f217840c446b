"""The one place that assembles the Content-Security-Policy and the other response headers."""

from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response, request
from flask_talisman import Talisman

from app.config import Settings, StorageKind
from app.web.lean import House

NOBODY = (
    "accelerometer", "browsing-topics", "camera", "display-capture", "geolocation", "gyroscope",
    "magnetometer", "microphone", "midi", "payment", "usb", "xr-spatial-tracking",
)  # fmt: skip
ISOLATION = [
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
]
# What no cookie and no language changes.
SAME_FOR_ALL = ("static", "pages.accent", "pages.logo")
OURSELVES = ("autoplay", "encrypted-media", "fullscreen", "picture-in-picture")


def content_security_policy(settings: Settings) -> str:
    """Return the policy: everything from this origin, media also from the CDN, nothing inline."""
    cdn = ""
    if settings.cdn_base_url:
        parts = urlsplit(settings.cdn_base_url)
        cdn = f" {parts.scheme}://{parts.netloc}"
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            f"img-src 'self' data:{cdn}",
            f"media-src 'self' blob:{cdn}",
            f"connect-src 'self'{cdn}{_bucket(settings)}",
            "font-src 'self'",
            "worker-src 'self'",
            "manifest-src 'self'",
            "base-uri 'none'",
            f"form-action 'self' https://checkout.stripe.com{_stand_in(settings)}",
            "frame-ancestors 'none'",
            "object-src 'none'",
            "require-trusted-types-for 'script'",
        )
    )


def _stand_in(settings: Settings) -> str:
    """Return whose pay page answers instead of Stripe's own, where STRIPE_API_BASE names one."""
    parts = urlsplit(settings.stripe_api_base)
    return f" {parts.scheme}://{parts.netloc}" if parts.netloc else ""


def _bucket(settings: Settings) -> str:
    """Return where the bucket takes the parts of uploads, which browsers send to it themselves."""
    if settings.storage is not StorageKind.S3:
        return ""
    if settings.aws_endpoint_url:
        parts = urlsplit(settings.aws_endpoint_url)
        return f" {parts.scheme}://{parts.netloc}"
    region, name = settings.aws_region, settings.s3_bucket_name
    if "." in name:  # its own name under amazonaws.com would fit no certificate
        return f" https://s3.{region}.amazonaws.com https://s3.amazonaws.com"
    return f" https://{name}.s3.{region}.amazonaws.com https://{name}.s3.amazonaws.com"


# A mail that the outbox shows in a frame of its page: it brings its styles, and can do nothing.
LETTER_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox"
)


OUTBOX = frozenset({"pages.outbox_mail", "pages.outbox_letter"})
FRAMING_DOCUMENTS = frozenset({"courses.learn", "admin.proof", "admin.reject_proof"})
DOCUMENTS = frozenset({"courses.lesson_file", "admin.proof_document"})
# A PDF that one of those pages shows in a frame: the browser's own viewer and nothing else.
DOCUMENT_POLICY = (
    "default-src 'none'; object-src 'self'; style-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'"
)


def permissions_policy() -> dict[str, str]:
    """Return the policy that denies every device and allows what the player needs."""
    return dict.fromkeys(NOBODY, "()") | dict.fromkeys(OURSELVES, "(self)")


class ConstantTalisman(Talisman):  # type: ignore[misc]
    """Talisman for policies that no view changes: rendered once, not once a response.

    HSTS is the one header that depends on the request: it is for https only.
    """

    def __init__(self) -> None:
        super().__init__()
        self._rendered: dict[bool, list[tuple[str, str]]] = {}

    def init_app(self, app: House, **options: Any) -> None:
        """Bind the extension to `app`: redirects are nginx's, and nothing inline needs a nonce."""
        super().init_app(app, **options)
        before = app.before_request_funcs[None]
        before.remove(self._force_https)
        before.remove(self._make_nonce)
        app.after_request_funcs[None].remove(self._set_response_headers)
        app.at_last.append(self.protect)

    def protect(self, response: Response) -> None:
        """Add the headers."""
        environ = request.environ
        is_https = "https" in (environ["wsgi.url_scheme"], environ.get("HTTP_X_FORWARDED_PROTO"))
        if is_https not in self._rendered:
            blank = Response()
            blank.headers.clear()
            rendered = [*self._set_response_headers(blank).headers, *ISOLATION]
            self._rendered[is_https] = rendered
        # Known to be good: `extend` would look at each letter again.
        response.headers._list += self._rendered[is_https]  # noqa: SLF001
        endpoint = request.endpoint
        if endpoint in OUTBOX:
            _frame_letters(response)
        if endpoint in FRAMING_DOCUMENTS or endpoint in DOCUMENTS:
            _frame_documents(response)


def _frame_letters(response: Response) -> None:
    """Let the outbox's page frame a mail, and the mail be framed by it."""
    if request.endpoint == "pages.outbox_mail":
        response.headers["Content-Security-Policy"] += "; frame-src 'self'"
    elif response.status_code == 200:
        response.headers["Content-Security-Policy"] = LETTER_POLICY
        response.headers["X-Frame-Options"] = "SAMEORIGIN"


def _frame_documents(response: Response) -> None:
    """Let the pages of lessons and of proofs frame a PDF, and the PDF be framed by them."""
    if request.endpoint in FRAMING_DOCUMENTS:
        response.headers["Content-Security-Policy"] += "; frame-src 'self'"
    elif response.mimetype == "application/pdf":
        response.headers["Content-Security-Policy"] = DOCUMENT_POLICY
        response.headers["X-Frame-Options"] = "SAMEORIGIN"


def _complete(response: Response) -> Response:
    headers = response.headers
    kept = headers.get("Cache-Control")
    if kept is None:
        headers["Cache-Control"] = "private, no-store"
    elif "public" in kept and request.endpoint not in SAME_FOR_ALL:
        response.vary.update(("Cookie", "Accept-Language"))
    return response


def init_app(app: Flask) -> None:
    """Add the headers Talisman does not know; whatever names no cache policy is never stored."""
    app.after_request(_complete)
