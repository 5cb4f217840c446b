"""Which language somebody is answered in."""

from functools import lru_cache

from flask import request
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from app.domain.accounts.profile import LANGUAGES
from app.domain.accounts.sessions import SignedIn

COOKIE = "language"


def language_of(person: SignedIn | None) -> str:
    """Return what `person` chose, else this browser, else what its settings ask for."""
    return language_by(person.locale if person else None)


def language_by(preference: str | None) -> str:
    """Return `preference` if it is a language we have, else what the browser chose or asks for."""
    if preference in LANGUAGES:
        return preference
    if COOKIE in request.cookies and request.cookies[COOKIE] in LANGUAGES:
        return request.cookies[COOKIE]
    return _best_of(request.environ.get("HTTP_ACCEPT_LANGUAGE", ""))


@lru_cache(maxsize=256)
def _best_of(header: str) -> str:
    accepted = parse_accept_header(header, LanguageAccept)
    return accepted.best_match(LANGUAGES) or LANGUAGES[0]
