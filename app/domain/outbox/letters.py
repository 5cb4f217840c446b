"""Letters: a mail's template filled in, in the reader's language and time zone.

A template is a folder of templates/email with subject.txt, body.txt and body.html. They have a
Jinja of their own, because the worker has no request and a mail's language is its reader's.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from pathlib import Path
from typing import Any

from babel import Locale
from babel.dates import format_date, format_time, get_timezone, get_timezone_name
from babel.numbers import format_currency
from babel.support import Translations
from jinja2 import (
    Environment,
    FileSystemLoader,
    StrictUndefined,
    TemplateError,
    pass_context,
    select_autoescape,
)
from jinja2.meta import find_referenced_templates, find_undeclared_variables
from jinja2.nodes import FromImport
from jinja2.runtime import Context

from app.current import settings
from app.domain.site import choices
from app.domain.site.accent import hex_pair
from app.errors import MailRefused

APP = Path(__file__).parents[2]
FOLDER = APP / "templates" / "email"
DEFAULT_LANGUAGE = "en"
PARTS = ("subject.txt", "body.txt", "body.html")
# What every letter is given besides its own values.
GIVEN = frozenset(
    {"site_name", "site_link", "support_email", "look", "language", "direction", "zone"}
)
BUILT_IN_LOOK = {
    "accent": "#00545f",
    "ink": "#f7fcfd",
    "accent_night": "#78c5ca",
    "ink_night": "#02171c",
}
MAX_NAME_LENGTH = 60
_AMOUNT = re.compile(r"(\d+) ([A-Z]{3})")
# CLDR puts a space between a currency's letters and the digits; Babel does not know that rule.
_LETTER_THEN_DIGIT = re.compile(r"([^\W\d_])(\d)")
_JOINERS = "\u200c\u200d"
# What mail programs make links of; initials with dots are none.
_LINK_LIKE = re.compile(r"\.\w{2}|[/:@]\S|www", re.IGNORECASE)


@dataclass(frozen=True)
class Letter:
    """What a person reads: one line of subject, and the same text plain and as HTML."""

    subject: str
    text: str
    html: str
    language: str


def render(
    template: str, locale: str | None, timezone: str | None, values: Mapping[str, Any]
) -> Letter:
    """Return the letter `template` makes of `values`, times shown in `timezone` (else UTC).

    Raises MailRefused when the template lacks a value, or is none.
    """
    language = language_of(locale)
    subject, text, html = (_part(template, part, language, timezone, values) for part in PARTS)
    return Letter(" ".join(subject.split()), text.strip() + "\n", html, language)


def subject_of(template: str, locale: str | None, values: Mapping[str, Any]) -> str:
    """Return the letter's subject alone. Raises MailRefused."""
    return " ".join(_part(template, PARTS[0], language_of(locale), None, values).split())


def _part(
    template: str, part: str, language: str, timezone: str | None, values: Mapping[str, Any]
) -> str:
    chosen = choices.current()
    context = {
        "site_name": chosen.name,
        "support_email": chosen.support_email,
        "look": _look(chosen.accent_hue),
        "site_link": settings.public_base_url,
        **values,
        "language": language,
        "direction": Locale.parse(language).text_direction,
        "zone": _zone(timezone),
    }
    try:
        return _environment(language).get_template(f"email/{template}/{part}").render(context)
    except TemplateError as error:
        raise MailRefused(f"The letter {template} cannot be written: {error.message}") from error


def _look(hue: int | None) -> dict[str, str]:
    """Return the colours of buttons and links, by day and at night; those of the tokens."""
    if hue is None:
        return BUILT_IN_LOOK
    (accent, accent_night), (ink, ink_night) = (
        hex_pair(name, hue) for name in ("accent", "on-accent")
    )
    return {"accent": accent, "ink": ink, "accent_night": accent_night, "ink_night": ink_night}


@lru_cache
def wanted(template: str) -> frozenset[str]:
    """Return the names of the values that `template` shows. Raises LookupError for an unknown."""
    if not (FOLDER / template / PARTS[0]).is_file():
        raise LookupError(f"there is no mail {template!r}")
    environment = _environment(DEFAULT_LANGUAGE)
    names: set[str] = set()
    for part in PARTS:
        names |= _names_in(environment, f"email/{template}/{part}")
    return frozenset(names - GIVEN - set(environment.globals))


def _names_in(environment: Environment, name: str) -> set[str]:
    source = (APP / "templates" / name).read_text(encoding="utf-8")
    tree = environment.parse(source)
    names = find_undeclared_variables(tree)
    for statement in tree.find_all(FromImport):
        names -= {name for name in statement.names if isinstance(name, str)}
    for other in find_referenced_templates(tree):
        names |= _names_in(environment, other or "")
    return names


def language_of(locale: str | None) -> str:
    """Return the language of `locale` if the site speaks it, else English."""
    language = re.split("[-_]", locale or "")[0].lower()
    is_spoken = (APP / "translations" / language / "LC_MESSAGES").is_dir()
    return language if language.isalpha() and is_spoken else DEFAULT_LANGUAGE


@lru_cache(maxsize=16)
def _environment(language: str) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(APP / "templates"),
        autoescape=select_autoescape(("html",)),
        extensions=["jinja2.ext.i18n"],
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    translations = Translations.load(APP / "translations", [language])
    environment.install_gettext_translations(  # type: ignore[attr-defined]
        translations, newstyle=True
    )
    environment.filters.update(moment=_moment, money=_money, shown_name=_shown_name)
    return environment


@pass_context
def _moment(context: Context, value: str) -> str:
    """Return an ISO 8601 date or time as its reader writes it; other words as they are."""
    try:
        when = datetime.fromisoformat(value)
    except ValueError:
        return value
    zone, language = context["zone"], context["language"]
    if len(value) <= len("2026-01-31"):
        return format_date(when, "long", language)
    there = (when if when.tzinfo else when.replace(tzinfo=UTC)).astimezone(zone)
    place = "UTC" if str(zone) == "UTC" else get_timezone_name(there, "long", locale=language)
    date = format_date(there, "long", language)
    return f"{date}, {format_time(there, 'short', zone, language)} {place}"


@pass_context
def _money(context: Context, value: str) -> str:
    """Return minor units and a currency ("4900 USD") as their reader writes it; else as it is."""
    amount = _AMOUNT.fullmatch(value)
    if not amount:
        return value
    written = format_currency(int(amount[1]) / 100, amount[2], locale=context["language"])
    return _LETTER_THEN_DIGIT.sub("\\1\u00a0\\2", written)


def _zone(timezone: str | None) -> tzinfo:
    try:
        return get_timezone(timezone or "UTC")
    except LookupError:
        return get_timezone("UTC")


def _shown_name(name: str) -> str:
    """Return `name` on one line; nothing for one that a mail program would make a link of.

    Whoever signs up a stranger's address chooses the name in the stranger's mail. Characters
    that turn the direction of a line go; those that join letters stay.
    """
    words = " ".join(name.split())
    shown = "".join(c for c in words if c.isprintable() or c in _JOINERS)
    return "" if len(shown) > MAX_NAME_LENGTH or _LINK_LIKE.search(shown) else shown
