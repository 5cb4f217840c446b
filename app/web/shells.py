"""Whole pages, kept per kind of viewer and addressed to the person at the last moment.

A page is rendered in a request context of its own, which knows no session, no cookie and no
message, for somebody who does not exist. What it says of them are marks, which nobody can guess and
so put into a text; what the real viewer is called takes their place. So nothing of one person can
reach the page of another, whatever the templates come to show.
"""

import hashlib
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache as once
from functools import lru_cache
from typing import Any
from uuid import UUID

from flask import (
    Response,
    current_app,
    g,
    get_template_attribute,
    render_template,
    request,
    session,
)
from flask_babel import force_locale, get_locale
from markupsafe import escape
from pydantic import TypeAdapter
from werkzeug.http import parse_accept_header

from app.cache import KEPT_SECONDS, Codec
from app.current import settings
from app.domain.accounts.models import Role
from app.domain.accounts.sessions import SignedIn
from app.domain.courses.cards import CourseCard, ids_of, own_progress, with_own
from app.web.access import current_view, signed_in
from app.web.caching import cache, kept, share_with_visitors
from app.web.form_tokens import FIELD, form_token
from app.web.gzipping import Part, filled, gzipped, joined, parts_of
from app.web.languages import language_of
from app.web.reading import from_replica
from app.web.site import chosen

# Of this process alone; in what others read, too, SHARED_SALT stands for it.
SALT, SHARED_SALT = secrets.token_hex(8), "\0"
NAME, INITIALS, EMAIL, TOKEN = (f"\ue000{SALT}{number}" for number in range(4))
# Parts of a course's page that are drawn for each person anew.
OFFER, OUTLINE = (f"\ue000{SALT}{number}" for number in range(4, 6))
MARKS = (NAME, INITIALS, EMAIL, TOKEN, OFFER, OUTLINE)
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
MESSAGES = "_flashes"


@dataclass(frozen=True, slots=True)
class Contents:
    """What a page shows: a template and its values, of which `cards` may show one's progress."""

    template: str
    values: Mapping[str, Any]
    cards: Sequence[CourseCard] = ()
    status: int = 200


@dataclass(frozen=True, slots=True)
class Viewer:
    """What tells one shell from another: the role, and for the few who leave, what they are told.

    A time zone matters only where a time is shown.
    """

    role: Role
    deletion_due_at: datetime | None = None
    timezone: str | None = None

    @classmethod
    def of(cls, person: SignedIn | None) -> "Viewer | None":
        """Return the kind of viewer that `person` is; None for visitors."""
        if person is None:
            return None
        if person.deletion_due_at is None:
            return cls(person.role)
        return cls(person.role, person.deletion_due_at, person.timezone)


@dataclass(frozen=True, slots=True)
class Shell:
    """A whole page with marks in it, its cards and their ids; `digest` is that of the page."""

    html: str
    digest: str
    cards: tuple[CourseCard, ...] = ()
    course_ids: str = ""
    status: int = 200

    def addressed_to(self, person: SignedIn | None) -> str:
        """Return the page for `person`, with their progress on the courses they are in."""
        return joined(self._parts(person), _values(person)).decode()

    def answer_to(
        self,
        person: SignedIn | None,
        own_parts: Mapping[str, str] | None = None,
        *,
        is_kept: bool = True,
    ) -> Response:
        """Return the page for `person`, of parts that are kept compressed where that is understood.

        `own_parts` are HTML for marks. A page that nobody asks for again is compressed as any
        other.
        """
        is_packed = is_kept and _takes_gzip(request.headers.get("Accept-Encoding", ""))
        parts: Sequence[Part] = self._parts(person, is_kept=is_kept)
        if own_parts:
            parts = filled(parts, {mark: _own_part(html) for mark, html in own_parts.items()})
        body = (gzipped if is_packed else joined)(parts, _values(person))
        headers = {"Vary": "Accept-Encoding"}
        if is_packed:
            headers["Content-Encoding"] = "gzip"
        response = Response(body, self.status, headers, mimetype="text/html")
        if person is None:
            response.set_etag(f"{self.digest}:gzip" if is_packed else self.digest)
        return response

    def with_cards_of(self, person: SignedIn | None) -> str:
        """Return the page with the progress of `person` on its cards."""
        return self._with_cards(self._own(person))

    def _parts(self, person: SignedIn | None, *, is_kept: bool = True) -> tuple[Part, ...]:
        """Return the parts of the page that everybody shares who has come as far as `person`."""
        own = self._own(person)
        if not is_kept:
            return parts_of(self._with_cards(own), MARKS)
        name = f"parts:{self.digest}:{own or ''}"
        parts: tuple[Part, ...] | None = cache().near.get(name)
        if parts is None:
            parts = parts_of(self._with_cards(own), MARKS)
            size = sum(len(part.plain) + len(part.packed) for part in parts)
            cache().near.put(name, parts, size, KEPT_SECONDS)
        return parts

    def _own(self, person: SignedIn | None) -> dict[UUID, int]:
        """Return how far `person` is in the courses of these cards that they are in."""
        if person is None or not self.cards:
            return {}
        return from_replica(lambda: own_progress(self.course_ids, person.user_id))

    def _with_cards(self, own: Mapping[UUID, int]) -> str:
        html = self.html
        if own:
            render = get_template_attribute("macros/cards.html", "course_card")
            for card in self.cards:
                if card.id in own:
                    mine = with_own(card, own[card.id])
                    html = html.replace(str(render(card)), str(render(mine)), 1)
        return html


@once
def _adapter() -> TypeAdapter[Shell]:
    return TypeAdapter(Shell)


def _shared(html: str) -> str:
    """Return a page as it is to every process; no page has a NUL of its own."""
    return html.replace(SHARED_SALT, "").replace(SALT, SHARED_SALT)


def _dump(shell: Shell) -> bytes:
    return _adapter().dump_json(replace(shell, html=_shared(shell.html)), exclude={"course_ids"})


def _load(kept: bytes) -> Shell:
    shell = _adapter().validate_json(kept)
    html = shell.html.replace(SHARED_SALT, SALT)
    return replace(shell, html=html, course_ids=ids_of(shell.cards))


CODEC: Codec[Shell] = Codec(_dump, _load)


@lru_cache(maxsize=256)
def _takes_gzip(header: str) -> bool:
    return parse_accept_header(header).quality("gzip") > 0


def _values(person: SignedIn | None) -> dict[str, bytes]:
    """Return what takes the place of the marks."""
    if person is None:
        return {}
    values = {
        NAME: person.name,
        INITIALS: person.initials,
        EMAIL: person.email,
        TOKEN: form_token(),
    }
    return {mark: escape(value).encode() for mark, value in values.items()}


def _own_part(html: str) -> tuple[Part, ...]:
    """Return a part of one person's page; the form token stays out of what is compressed."""
    return parts_of(html.replace(form_token(), TOKEN), (TOKEN,))


class _Somebody(SignedIn):
    """Whoever a page is kept for."""

    @property
    def initials(self) -> str:
        """Return the mark of the initials."""
        return INITIALS


def _somebody(viewer: Viewer) -> SignedIn:
    nothing = UUID(int=0)
    return _Somebody(
        user_id=nothing,
        email=EMAIL,
        name=NAME,
        role=viewer.role,
        locale=None,
        timezone=viewer.timezone,
        deletion_due_at=viewer.deletion_due_at,
        playback_rate=Decimal(1),
        session_id=nothing,
        authenticated_at=LONG_AGO,
        last_seen_at=LONG_AGO,
    )


def _made(html: str, contents: Contents) -> Shell:
    digest = hashlib.sha256(_shared(html).encode()).hexdigest()[:32]
    cards = tuple(contents.cards)
    return Shell(html, digest, cards, ids_of(cards), contents.status)


def render_shell(contents: Contents, viewer: Viewer | None) -> Shell:
    """Return the page with `contents` for some visitor, or somebody like `viewer`."""
    locale, choices = str(get_locale()), chosen()
    blank = current_app.test_request_context(request.path, base_url=settings.public_base_url)
    # The application's context as well: `g` keeps who is signed in and the form token.
    # What the site chose is read before: a second session would want a connection of its own.
    with current_app.app_context(), blank, force_locale(locale):
        g.site_choices = choices
        if viewer is not None:
            g._login_user = _somebody(viewer)  # noqa: SLF001 - where flask-login keeps it
            setattr(g, FIELD, TOKEN)
        html = render_template(contents.template, **contents.values)
    return _made(html, contents)


def show(
    kind: str,
    key: str,
    read: Callable[[], Contents],
    own_parts: Mapping[str, str] | None = None,
    *,
    is_kept: bool = True,
) -> Response:
    """Answer with the page that `read` tells the contents of, kept under `key` for its like.

    What `read` returns is shown to everybody: it must hold nothing personal. `own_parts` is HTML
    for the marks it leaves. Whoever is special gets a page of their own.
    """
    person = signed_in()
    if is_special():
        return show_directly(read())
    viewer = Viewer.of(person)

    def render() -> Shell:
        return render_shell(read(), viewer)

    full_key = f"{key} {viewer} {language_of(person)} {chosen().version}"
    shell = kept(kind, full_key, render, CODEC) if is_kept else render()
    answer = shell.answer_to(person, own_parts, is_kept=is_kept and cache().is_on)
    return share_with_visitors(answer) if person is None else answer


def is_special() -> bool:
    """Whether somebody has a message waiting, or looks at the site as somebody else."""
    return MESSAGES in session or current_view() is not None


def show_directly(contents: Contents) -> Response:
    """Answer with a page that is made for this one request."""
    own = _made(render_template(contents.template, **contents.values), contents)
    return share_with_visitors(Response(own.with_cards_of(signed_in()), own.status))
