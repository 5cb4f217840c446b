"""Form tokens: what a form of ours holds and no other site can know.

Those of people who are signed in are bound to the sign-in: no cookie has to remember them, and
nothing is kept. Visitors have theirs from Flask-WTF, which remembers them in the form cookie, and
so has everybody on pages whose fields are a form of its own.
"""

import hashlib
import hmac
import re
from collections.abc import Callable
from typing import cast
from uuid import UUID

from flask import Flask, current_app, g, request
from flask_wtf.csrf import CSRFError, generate_csrf, same_origin

from app.clock import utcnow
from app.config import Settings
from app.domain.accounts.sessions import SignedIn
from app.web.extensions import csrf

EXTENSION = "form_tokens"
FIELD, HEADER = "csrf_token", "X-CSRFToken"  # the names that Flask-WTF gives them, also in `g`
BOUND = re.compile(r"([0-9a-f]{1,12})-[0-9a-f]{40}")


class BoundTokens:
    """Makes and knows the tokens of people who are signed in."""

    def __init__(self, settings: Settings, viewer: Callable[[], SignedIn | None]) -> None:
        self._key = hashlib.blake2b(settings.secret_key.encode(), person=b"form token").digest()
        self._viewer = viewer

    def bound_to(self, session_id: UUID) -> str:
        """Return a token for the forms of whoever has this session, good for some hours."""
        return self._made(session_id, f"{int(utcnow().timestamp()):x}")

    def is_own(self, token: str) -> bool:
        """Whether `token` was made for the session of who asks, and is not too old."""
        found = BOUND.fullmatch(token)
        person = self._viewer() if found else None
        if found is None or person is None:
            return False
        age = utcnow().timestamp() - int(found[1], 16)
        is_ours = hmac.compare_digest(token, self._made(person.session_id, found[1]))
        return is_ours and age <= current_app.config["WTF_CSRF_TIME_LIMIT"]

    def _made(self, session_id: UUID, issued: str) -> str:
        text = f"{issued} {session_id}".encode()
        return f"{issued}-{hashlib.blake2b(text, key=self._key, digest_size=20).hexdigest()}"


def _tokens() -> BoundTokens:
    return cast(BoundTokens, current_app.extensions[EXTENSION])


def form_token() -> str:
    """Return the token for all forms of this answer; pages of an error may hold none of a person's.

    Who asks is not looked up for it: that may be what failed.
    """
    token: str | None = g.get(FIELD)
    person = g.get("viewer")
    if token is None and person is not None:
        token = _tokens().bound_to(person.session_id)
        setattr(g, FIELD, token)
    return token or str(generate_csrf())


def require() -> None:
    """Let a form pass that holds the token of who sends it. Raises CSRFError."""
    given = request.form.get(FIELD) or request.headers.get(HEADER, "")
    if not _tokens().is_own(given):
        csrf.protect()
        return
    if request.is_secure and not same_origin(request.referrer or "", request.host_url):
        raise CSRFError("The referrer does not match the host.")
    g.csrf_valid = True  # for forms that would look at it again


def init_app(app: Flask, settings: Settings, viewer: Callable[[], SignedIn | None]) -> None:
    """Have every form of a template hold such a token; `viewer` tells who asks."""
    app.extensions[EXTENSION] = BoundTokens(settings, viewer)
    app.jinja_env.globals[FIELD] = form_token
    app.context_processor(lambda: {FIELD: form_token})
