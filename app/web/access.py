"""Who is asking, and may they: the signed-in person, cross-site rules, default deny."""

from datetime import timedelta
from typing import Any

from flask import Flask, Request, Response, g, request
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import SQLAlchemyError

from app.clock import utcnow
from app.current import settings
from app.database import db, read_alone, write_together
from app.domain.accounts import api_keys
from app.domain.accounts.clients import ClientInfo
from app.domain.accounts.models import Role, SessionKind
from app.domain.accounts.second_factor import is_required
from app.domain.accounts.sessions import SignedIn, end_reused, find_signed_in, touch
from app.domain.accounts.viewing import View
from app.domain.audit import trail
from app.domain.audit.actions import Action
from app.domain.audit.trail import ActorKind, Event
from app.errors import (
    ConfirmationRequired,
    Forbidden,
    MixedCredentials,
    SecondFactorSetupRequired,
    SignInRequired,
)
from app.observability import person_hash, request_id
from app.web import bearer, body_limits, cross_site, viewing
from app.web.extensions import login_manager
from app.web.scopes import require_scope

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
SESSION_SECONDS = 30 * 24 * 3600
CONFIRMATION_LASTS = timedelta(minutes=15)

# Default deny: whoever is not signed in reaches these endpoints and no other.
PUBLIC_ENDPOINTS = frozenset(
    {
        "static",
        "pages.home",
        "pages.training",
        "pages.legal",
        "pages.sitemap",
        "pages.robots",
        "pages.favicon",
        "pages.accent",
        "pages.logo",
        "pages.health",
        "pages.live",
        "pages.ready",
        "pages.deep",
        "pages.report_client_error",
        "pages.metrics",
        "pages.openapi",
        "pages.api_docs",
        "pages.outbox",
        "pages.outbox_mail",
        "pages.outbox_letter",
        "auth.sign_in",
        "auth.sign_up",
        "auth.register",
        "auth.login",
        "auth.logout",
        "auth.sign_out",
        "auth.verify",
        "auth.verify_by_program",
        "auth.reset",
        "auth.reset_by_program",
        "auth.set_password",
        "auth.set_password_by_program",
        "auth.confirm_old_email",
        "auth.confirm_new_email",
        "auth.confirm_email_by_program",
        "auth.stop_email_change",
        "auth.second_factor",
        "auth.passkey_sign_in_options",
        "auth.passkey_sign_in",
        "courses.index",
        "courses.category",
        "courses.show",
        "courses.cover",
        "courses.list_courses",
        "courses.get_course",
        "admin.put_part",
        "courses.stripe_webhook",
    }
)

# What carries its own permission, in its address or as a signature over its body: no cookie and no
# key is looked at, so there is nothing that another site could make a browser spend.
SIGNED_ENDPOINTS = frozenset({"admin.put_part", "courses.stripe_webhook"})

# What writes by one statement at most, which commits itself, or else says so (`write_together`).
SINGLE_WRITE_ENDPOINTS = frozenset({"playback.create_token", "playback.heartbeat"})

# What somebody reaches who must have a second factor and has none: what it takes to add one.
SET_UP_ENDPOINTS = frozenset(
    {
        "auth.security",
        "auth.begin_totp",
        "auth.totp_set_up",
        "auth.recovery_codes",
        "auth.passkey_options",
        "auth.add_passkey",
        "auth.factors",
        "auth.begin_totp_by_program",
        "auth.confirm_totp_by_program",
        "auth.confirm",
        "auth.confirm_by_program",
        "auth.me",
    }
)


def session_cookie_name() -> str:
    """Return the login cookie's name: with the `__Host-` prefix wherever the site is https."""
    return "__Host-session" if settings.is_https else "session"


def signed_in() -> SignedIn | None:
    """Return who is signed in, looked up once a request; None for anonymous visitors."""
    state: Any = g._get_current_object()  # noqa: SLF001 - asked ten times a request
    if "signed_in" not in state:
        _look_up(state)
    found: SignedIn | None = state.signed_in
    return found


def _look_up(state: Any) -> None:
    key = bearer.api_key()
    person = _by_cookie() if key is None else _by_key(key)
    state.viewer, state.view = person, None
    if person is not None:
        state.person = person_hash(person.user_id)
        state.is_staff = person.role is not Role.LEARNER
        is_key = person.kind is SessionKind.API_KEY
        if api_keys.touch(person) if is_key else touch(person):
            db.session.commit()
        state.view = None if is_key else viewing.find_view(person)
    is_viewing = state.view is not None and not viewing.is_own_ground()
    state.signed_in = state.view.person if is_viewing else person


def viewer() -> SignedIn | None:
    """Return who really asks, also while they look at the site as somebody else."""
    signed_in()
    person: SignedIn | None = g.viewer
    return person


def current_view() -> View | None:
    """Return whom the visitor looks at the site as; None for nearly everybody.

    Pages that tell of an error ask as well, and must stand whatever is wrong with the database.
    """
    if not viewing.has_cookie():
        return None
    try:
        signed_in()
    except SQLAlchemyError:
        return None
    view: View | None = g.view
    return view


def _by_cookie() -> SignedIn | None:
    cookies, name = request.cookies, session_cookie_name()
    token = cookies[name] if name in cookies else None  # noqa: SIM401 - its `get` is ten times as dear
    person = find_signed_in(token) if token else None
    if token and person is None:
        _end_if_reused(token)
    return person


def _by_key(key: str) -> SignedIn | None:
    """A key beside a session cookie stands for nobody: which of the two was meant?"""
    if session_cookie_name() in request.cookies:
        return None
    return api_keys.find_signed_in(key)


def _end_if_reused(token: str) -> None:
    """End the session that somebody shows an old token of, and say so in the trail."""
    write_together()
    db.session.commit()
    reused = end_reused(token)
    if reused is None:
        return
    client = client_info()
    trail.record(
        Event(
            action=Action.SESSION_REUSED,
            actor_kind=ActorKind.VISITOR,
            subject_id=reused.user_id,
            ip_address=client.ip,
            user_agent=client.user_agent or None,
            request_id=request_id() or None,
            detail={"session": str(reused.id)},
        )
    )
    db.session.commit()


def require_signed_in() -> SignedIn:
    """Return who is signed in. Raises SignInRequired."""
    person = signed_in()
    if person is None:
        raise SignInRequired
    return person


def require_role(*roles: Role) -> SignedIn:
    """Return who is signed in if the role is one of `roles`. Raises SignInRequired, Forbidden."""
    person = require_signed_in()
    if person.role not in roles:
        raise Forbidden
    return person


def require_recent(person: SignedIn) -> None:
    """Let sensitive acts pass for 15 minutes after a proof of identity; for API keys never.

    Raises ConfirmationRequired.
    """
    if not is_recent(person):
        raise ConfirmationRequired


def is_recent(person: SignedIn) -> bool:
    """Whether the last proof of identity still allows a sensitive act."""
    is_fresh = utcnow() - person.authenticated_at < CONFIRMATION_LASTS
    return is_fresh and person.kind is SessionKind.BROWSER


def client_info() -> ClientInfo:
    """Return the address and browser of the request, for sessions and limits."""
    return ClientInfo.of(request.remote_addr, request.headers.get("User-Agent"))


def set_session_cookie(response: Response, token: str) -> None:
    """Put the login session's token into the visitor's cookie jar."""
    response.set_cookie(
        session_cookie_name(),
        token,
        max_age=SESSION_SECONDS,
        secure=settings.is_https,
        httponly=True,
        samesite="Lax",
        path="/",
    )


def clear_session_cookie(response: Response) -> None:
    """Take the login session's cookie back."""
    response.delete_cookie(
        session_cookie_name(), path="/", secure=settings.is_https, httponly=True, samesite="Lax"
    )


def _guard_key(endpoint: str) -> bool:
    """Whether an API key carries the request, which no browser sends by itself: no CSRF.

    Raises MixedCredentials, SignInRequired, ScopeMissing, Forbidden.
    """
    if bearer.api_key() is None:
        return False
    if session_cookie_name() in request.cookies:
        raise MixedCredentials
    person = signed_in()
    if person is None:
        raise SignInRequired("This API key is unknown, revoked or expired.")
    require_scope(person, endpoint)
    return True


def _require_factor(person: SignedIn, endpoint: str) -> None:
    """Hold who needs a second factor and has none to setting one up.

    Raises SecondFactorSetupRequired. Keys are held, too: one may be older than the demand.
    """
    has_one = person.second_factor_added_at is not None
    if has_one or endpoint in SET_UP_ENDPOINTS:
        return
    if is_required(person.role):
        raise SecondFactorSetupRequired


def _refuse_view(*, is_safe: bool) -> None:
    """Keep who looks as somebody else to looking. Raises Forbidden."""
    if (
        not viewing.has_cookie()
        or viewing.is_own_ground()
        or not viewing.is_closed(is_safe=is_safe)
    ):
        return
    person = signed_in()
    if person is not None and person.kind is SessionKind.VIEW_AS:
        raise Forbidden(viewing.READ_ONLY)


def _guard() -> None:
    endpoint, method = request.endpoint, request.method
    if endpoint is None:  # nothing will run: routing has its own answer
        return
    if endpoint in SIGNED_ENDPOINTS:
        return
    is_safe = method in SAFE_METHODS
    if is_safe or endpoint in SINGLE_WRITE_ENDPOINTS:
        read_alone()
    is_key = _guard_key(endpoint)
    if not is_safe:
        _guard_change(is_key=is_key)
    if method == "OPTIONS":
        return
    _refuse_view(is_safe=is_safe)
    if endpoint not in PUBLIC_ENDPOINTS:
        person = require_signed_in()
        _require_factor(viewer() or person, endpoint)


def _guard_change(*, is_key: bool) -> None:
    """Refuse what another site may have made a browser send, and bodies that are too large."""
    body_limits.widen(signed_in)
    if not is_key:
        _refuse_foreign()
    if request.path.startswith("/api/"):
        cross_site.require_json(is_key=is_key)


def _refuse_foreign() -> None:
    """Refuse what is not from a page of ours; whose sign-in has ended is to sign in again.

    Such a form holds the token of that sign-in, and comes with its cookie.
    """
    try:
        cross_site.refuse_foreign()
    except CSRFError:
        has_ended = session_cookie_name() in request.cookies and signed_in() is None
        if has_ended and request.endpoint not in PUBLIC_ENDPOINTS:
            raise SignInRequired from None
        raise


def _load_from_request(_: Request) -> SignedIn | None:
    return signed_in()


def init_app(app: Flask) -> None:
    """Install the guard in front of every endpoint."""
    login_manager.request_loader(_load_from_request)
    app.before_request(_guard)
