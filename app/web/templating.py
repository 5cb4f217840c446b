"""What every template may use: asset addresses, covers, and the formats of time and money."""

import hashlib
import re
from pathlib import Path

from flask import Flask, Response, send_from_directory, url_for
from flask_babel import format_currency, get_locale, gettext
from markupsafe import Markup
from werkzeug.local import LocalProxy

from app.clock import utcnow
from app.config import Settings
from app.domain.accounts.sessions import initials_of
from app.domain.courses.covers import cover_svg
from app.web import form_tokens
from app.web.access import current_view, viewer
from app.web.site import chosen, look_version

STATIC = Path(__file__).parent.parent / "static"
YEAR_SECONDS = 31536000
LETTER_THEN_DIGIT = re.compile(r"([^\W\d_])(\d)")


def release_of(root: Path) -> str:
    """Return a short hash of every static file, so that a changed file has a new address."""
    digest = hashlib.sha256()
    for path in sorted(p for p in root.rglob("*") if p.is_file()):
        digest.update(str(path.relative_to(root)).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:10]


def duration(seconds: float | None) -> str:
    """Return a length for people: 45 s, 12 min, 1 h 05 min."""
    whole = int(seconds or 0)
    if whole < 60:
        return str(gettext("%(n)d s", n=whole))
    minutes = round(whole / 60)
    if minutes < 60:
        return str(gettext("%(n)d min", n=minutes))
    return str(gettext("%(h)d h %(m)02d min", h=minutes // 60, m=minutes % 60))


def clock(seconds: float | None) -> str:
    """Return a position in a video: 0:05, 12:34, 1:02:03."""
    minutes, rest = divmod(int(seconds or 0), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def money(minor: int, currency: str) -> str:
    """Return a price of minor units in the reader's format, or Free."""
    return amount(minor, currency) if minor else str(gettext("Free"))


def amount(minor: int, currency: str) -> str:
    """Return an amount of minor units in the reader's format, also nothing and less.

    CLDR puts a space between a currency's letters and the digits; Babel does not know that rule.
    """
    return LETTER_THEN_DIGIT.sub("\\1\u00a0\\2", format_currency(minor / 100, currency))


def course_cover(slug: str, hue: int) -> Markup:
    """Return the generated cover as inline SVG; made of numbers only, so safe as markup."""
    return Markup(cover_svg(slug, hue))  # noqa: S704


def accent_sheet(hue: int) -> str:
    """Return the address of the stylesheet that draws the site in an accent of `hue`."""
    return url_for("pages.accent", hue=hue, v=look_version(hue))


def init_app(app: Flask, settings: Settings) -> None:
    """Register globals, filters and the static route (immutable for a year under its release)."""
    current = release_of(STATIC)

    def asset(path: str) -> str:
        return url_for("static", release=current, filename=path)

    def static_file(release: str, filename: str) -> Response:
        is_current = release == current
        response = send_from_directory(STATIC, filename, max_age=YEAR_SECONDS * is_current)
        response.cache_control.public = True
        response.cache_control.immutable = is_current
        return response

    app.add_url_rule("/static/<release>/<path:filename>", "static", static_file)
    app.jinja_env.globals.update(
        asset=asset,
        course_cover=course_cover,
        current_view=current_view,
        get_locale=get_locale,
        accent_sheet=accent_sheet,
        site=LocalProxy(chosen),
        site_name=LocalProxy(lambda: chosen().name),
        now_year=utcnow().year,
        has_outbox=not settings.is_production,
    )
    app.jinja_env.filters.update(
        duration=duration, clock=clock, money=money, amount=amount, initials=initials_of
    )
    form_tokens.init_app(app, settings, viewer)
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
