"""The one place that assembles the Content-Security-Policy and the other response headers."""

from urllib.parse import urlsplit

from flask import Flask, Response, request

from app.config import Settings

NOBODY = (
    "accelerometer", "browsing-topics", "camera", "display-capture", "geolocation", "gyroscope",
    "magnetometer", "microphone", "midi", "payment", "usb", "xr-spatial-tracking",
)  # fmt: skip
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
            f"connect-src 'self'{cdn}",
            "font-src 'self'",
            "worker-src 'self'",
            "manifest-src 'self'",
            "base-uri 'none'",
            "form-action 'self' https://checkout.stripe.com",
            "frame-ancestors 'none'",
            "object-src 'none'",
            "require-trusted-types-for 'script'",
        )
    )


def permissions_policy() -> dict[str, str]:
    """Return the policy that denies every device and allows what the player needs."""
    return dict.fromkeys(NOBODY, "()") | dict.fromkeys(OURSELVES, "(self)")


def _complete(response: Response) -> Response:
    headers = response.headers
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    if "Cache-Control" not in headers:
        headers["Cache-Control"] = "private, no-store"
    elif request.endpoint != "static" and "public" in headers["Cache-Control"]:
        response.vary.update(("Cookie", "Accept-Language"))
    return response


def init_app(app: Flask) -> None:
    """Add the headers Talisman does not know; whatever names no cache policy is never stored."""
    app.after_request(_complete)
