"""Whole catalog pages, kept per kind of viewer and addressed to the person at the last moment.

A page is rendered in a request context of its own, which knows no session, no cookie and no
message, for somebody who does not exist. What it says of them are marks from Unicode's private
use area; what the real viewer is called takes their place. So nothing of one person can reach
the page of another, whatever the templates come to show.
"""

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from flask import current_app, g, get_template_attribute, render_template, request
from flask_babel import force_locale, get_locale
from flask_wtf.csrf import generate_csrf
from markupsafe import Markup, escape

from app.domain.accounts.models import Role
from app.domain.accounts.sessions import SignedIn
from app.domain.courses.cards import CourseCard, with_progress
from app.domain.courses.categories import CategoryView
from app.web.courses.fragments import Fragment
from app.web.reading import from_replica

# The initials are the first letter of a one-word name, so they come out as INITIALS.
INITIALS, REST = "\ue000", "\ue001"
NAME, EMAIL, TOKEN = INITIALS + REST, "\ue002", "\ue003"
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Shell:
    """A whole page with marks in it, its cards, and the cards of those enrolled, once asked for."""

    html: str
    fragment: Fragment
    own_cards: dict[CourseCard, tuple[str, str]] = field(default_factory=dict)

    def addressed_to(self, person: SignedIn | None) -> str:
        """Return the page for `person`, with their progress on the courses they are in."""
        if person is None:
            return self.html
        html = self._with_own_cards(person)
        initials = get_template_attribute("macros/labels.html", "initials")
        for mark, value in (
            (NAME, person.name),
            (INITIALS, initials(person.name)),
            (EMAIL, person.email),
            (TOKEN, generate_csrf()),
        ):
            html = html.replace(mark, escape(value))
        return html

    def _with_own_cards(self, person: SignedIn) -> str:
        html = self.html
        own = from_replica(lambda: with_progress(self.fragment.cards, person.user_id))
        for card, mine in zip(self.fragment.cards, own, strict=True):
            if mine.is_enrolled:
                if mine not in self.own_cards:
                    render = get_template_attribute("macros/cards.html", "course_card")
                    self.own_cards[mine] = (str(render(card)), str(render(mine)))
                html = html.replace(*self.own_cards[mine], 1)
        return html


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


def _somebody(viewer: Viewer) -> SignedIn:
    nothing = uuid.UUID(int=0)
    return SignedIn(
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


def render_page(catalog: Markup, category: CategoryView | None) -> str:
    """Return the page around the main part `catalog`, for the request's own viewer."""
    return render_template("courses/index.html", catalog=catalog, category=category)


def render_shell(fragment: Fragment, category: CategoryView | None, viewer: Viewer | None) -> Shell:
    """Return the page around `fragment` for some visitor, or somebody like `viewer`."""
    locale = str(get_locale())
    blank = current_app.test_request_context(request.path, base_url=request.host_url)
    # The application's context as well: `g` keeps who is signed in and the form token.
    with current_app.app_context(), blank, force_locale(locale):
        if viewer is not None:
            g._login_user = _somebody(viewer)  # noqa: SLF001 - where flask-login keeps it
        html = render_page(fragment.html, category)
        if viewer is not None:
            html = html.replace(generate_csrf(), TOKEN)
    return Shell(html, fragment)
