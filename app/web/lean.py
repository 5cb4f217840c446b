"""Flask and its extensions, where a request that asks nothing of one pays nothing for it."""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, Request, Response, g
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from flask_compress import Compress
from flask_limiter import Limiter
from flask_login import LoginManager

Function = TypeVar("Function", bound=Callable[..., Any])


def vary_by(response: Response, header: str) -> None:
    """Say that the answer depends on a header of the request."""
    known = response.headers.get("Vary")
    if not known:
        response.headers["Vary"] = header
    elif header.lower() not in known.lower():
        response.headers["Vary"] = f"{known}, {header}"


class House(Flask):
    """Flask for plain functions: none of ours is a coroutine, so none is asked whether it is."""

    def ensure_sync(self, func: Function) -> Function:
        """Return `func` as it is."""
        return func


class FormSessions(SecureCookieSessionInterface):
    """Flask's signed cookie (form tokens and messages); who sends none pays for no signer."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Return the visitor's session, or an empty one."""
        if self.get_cookie_name(app) not in request.cookies:
            return self.session_class()
        return super().open_session(app, request)

    def save_session(self, app: Flask, session: SessionMixin, response: Any) -> None:
        """Send the cookie if there is something to keep; every answer may depend on it."""
        vary_by(response, "Cookie")
        if session or session.modified:
            super().save_session(app, session, response)


class SmallCompress(Compress):
    """Compression that looks at nothing else once it knows that an answer stays as it is."""

    def after_request(self, response: Any) -> Response:
        """Compress what is long enough, of a kind that shrinks, and asked for so."""
        answer: Response = response
        length = answer.content_length
        is_short = length is not None and length < self.smallest
        if is_short or answer.mimetype not in self.compress_mimetypes_set:
            vary_by(answer, "Accept-Encoding")
            return answer
        return super().after_request(answer)

    def init_app(self, app: Flask) -> None:
        """Compress the answers of `app` as its configuration says."""
        super().init_app(app)
        self.smallest: int = app.config["COMPRESS_MIN_SIZE"]


class OwnLogin(LoginManager):  # type: ignore[misc]
    """Sign-ins are rows of ours: the extension has no cookie to keep up to date."""

    def _update_remember_cookie(self, response: Response) -> Response:
        return response


class DecoratingLimiter(Limiter):
    """Limits stand on functions, where they cost nothing to the requests that have none.

    Looking for limits of the application, of blueprints and defaults before each request took a
    tenth of its time; there are none (a house rule tests it). After it, and at its end, there is
    something to do only where a limit was asked.
    """

    def init_app(self, app: Flask) -> None:
        """Bind the limits to `app`."""
        super().init_app(app)
        app.before_request_funcs[None].remove(self._check_request_limit)
        after, ends = app.after_request_funcs[None], app.teardown_request_funcs[None]
        tell: Any = after.pop()
        release: Any = ends.pop()
        after.append(lambda response: tell(response) if "limits_asked" in g else response)
        ends.append(lambda error: release(error) if "limits_asked" in g else None)

    @property
    def context(self) -> Any:
        """Return what is known of this request's limits, noting that somebody asked."""
        g.limits_asked = True
        return super().context
