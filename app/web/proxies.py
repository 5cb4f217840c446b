"""Which forwarded headers are believed: only those of our own reverse proxies."""

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from app.config import Settings


def trust_proxies(app: Flask, settings: Settings) -> None:
    """Take address and scheme from as many proxies as the settings name; none by default."""
    hops = settings.trusted_proxies
    if hops:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=0)  # type: ignore[method-assign]
