"""Flask and its extensions, where a request that asks nothing of one pays nothing for it."""

from collections.abc import Callable
from itertools import chain
from typing import Any, NamedTuple, TypeVar

from flask import Flask, Request, Response, g
from flask.ctx import RequestContext
from flask.globals import request_ctx
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from flask_compress import Compress
from flask_limiter import Limiter
from flask_login import LoginManager
from flask_wtf import CSRFProtect

Function = TypeVar("Function", bound=Callable[..., Any])


def vary_by(response: Response, header: str) -> None:
    """Say that the answer depends on a header of the request."""
    known = response.headers.get("Vary")
    if not known:
        response.headers["Vary"] = header
    elif header.lower() not in known.lower():
        response.headers["Vary"] = f"{known}, {header}"


class Hooks(NamedTuple):
    """What runs before, after and at the end of the requests for one endpoint, in this order."""

    before: tuple[Callable[[], Any], ...]
    after: tuple[Callable[[Any], Any], ...]
    ends: tuple[Callable[[Any], Any], ...]


class House(Flask):
    """Flask for plain functions: none of ours is a coroutine, so none is asked whether it is.

    Which hooks an endpoint has is found out by its first request, not by each. Views' values are
    not preprocessed, and nobody listens to the signals of a request's end.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._hooks: dict[str | None, Hooks] = {}
        # What is called when an answer is complete. Each look at one of its headers passes by all
        # of them, so what adds a dozen that nobody else asks for comes last.
        self.at_last: list[Callable[[Response], None]] = []

    def ensure_sync(self, func: Function) -> Function:
        """Return `func` as it is."""
        return func

    def preprocess_request(self) -> Any:
        """Call what stands before the view; the first answer is the request's."""
        for function in self._hooks_of(_context()).before:
            answer = function()
            if answer is not None:
                return answer
        return None

    def process_response(self, response: Response) -> Response:
        """Let everything that stands after the view complete the answer."""
        context = _context()
        functions: Any = context._after_request_functions  # noqa: SLF001 - as Flask itself does
        for function in chain(functions, self._hooks_of(context).after):
            response = function(response)
        self.session_interface.save_session(self, context._session, response)  # type: ignore[arg-type] # noqa: SLF001
        for complete in self.at_last:
            complete(response)
        return response

    def do_teardown_request(self, exc: BaseException | None = None) -> None:
        """Call what stands at the end of the request."""
        for function in self._hooks_of(_context()).ends:
            function(exc)

    def _hooks_of(self, context: RequestContext) -> Hooks:
        endpoint = context.request.endpoint
        found = self._hooks.get(endpoint)
        if found is None:
            names = (*context.request.blueprints, None)
            found = self._hooks[endpoint] = Hooks(
                tuple(f for name in reversed(names) for f in self.before_request_funcs[name]),
                tuple(f for name in names for f in reversed(self.after_request_funcs[name])),
                tuple(f for name in names for f in reversed(self.teardown_request_funcs[name])),
            )
        return found


def _context() -> RequestContext:
    proxy: Any = request_ctx
    context: RequestContext = proxy._get_current_object()  # noqa: SLF001 - Flask's own recipe
    return context


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

    def init_app(self, app: Flask) -> None:
        """Bind the extension to `app`."""
        super().init_app(app)
        app.after_request_funcs[None].remove(self._update_remember_cookie)


class FormTokens(CSRFProtect):  # type: ignore[misc]
    """Form tokens are looked at by the guard (cross_site), for the requests that need one."""

    def init_app(self, app: Flask) -> None:
        """Bind the extension to `app`."""
        super().init_app(app)
        app.before_request_funcs[None].pop()


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
