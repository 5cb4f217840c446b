"""What crawlers and browsers ask for by a fixed name: sitemap.xml, robots.txt, favicon.ico."""

from collections.abc import Iterator
from typing import Any
from xml.sax.saxutils import escape

from flask import Response, current_app, url_for

from app.config import Environment
from app.current import settings
from app.domain.courses.catalog import list_listed
from app.domain.courses.categories import list_categories
from app.web.json import rfc3339
from app.web.pages import blueprint
from app.web.reading import from_replica

MAX_COURSES = 5000
HOUR_SECONDS = 3600
NAMESPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"
CLOSED = ("/api/", "/admin", "/auth/", "/dashboard", "/learn/", "/media/")


def _address(path: str) -> str:
    return settings.public_base_url.rstrip("/") + path


def _entry(path: str, changed: str | None = None) -> str:
    dated = f"<lastmod>{changed}</lastmod>" if changed else ""
    return f"<url><loc>{escape(_address(path))}</loc>{dated}</url>"


def _entries() -> Iterator[str]:
    for endpoint in ("pages.home", "pages.training", "courses.index"):
        yield _entry(url_for(endpoint))
    categories, courses = from_replica(lambda: (list_categories(), list_listed(MAX_COURSES)))
    for category in categories:
        yield _entry(url_for("courses.category", slug=category.slug))
    for slug, changed_at in courses:
        yield _entry(url_for("courses.show", slug=slug), rfc3339(changed_at))


@blueprint.get("/sitemap.xml")
def sitemap() -> Response:
    """List the public pages and the newest courses for crawlers."""
    body = "".join(
        ('<?xml version="1.0" encoding="UTF-8"?>', f'<urlset xmlns="{NAMESPACE}">', *_entries())
    )
    response = Response(f"{body}</urlset>", mimetype="application/xml")
    response.cache_control.public = True
    response.cache_control.max_age = HOUR_SECONDS
    return response


@blueprint.get("/robots.txt")
def robots() -> Response:
    """Ask crawlers to leave alone what is personal; all of a rehearsal."""
    if settings.app_env is Environment.STAGING:
        lines = ["User-agent: *", "Disallow: /"]
    else:
        lines = ["User-agent: *", *(f"Disallow: {path}" for path in CLOSED)]
        lines.append(f"Sitemap: {_address(url_for('pages.sitemap'))}")
    response = Response("\n".join(lines) + "\n", mimetype="text/plain")
    response.cache_control.public = True
    response.cache_control.max_age = HOUR_SECONDS
    return response


@blueprint.get("/favicon.ico")
def favicon() -> Response:
    """Send browsers that guess this name to the icon's current address."""
    asset: Any = current_app.jinja_env.globals["asset"]
    response = Response(status=302)
    response.location = asset("favicon.svg")
    response.cache_control.public = True
    response.cache_control.max_age = HOUR_SECONDS
    return response
