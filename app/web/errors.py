"""Errors to answers. Only this module knows which status a domain error has; the path decides
whether a person (HTML) or a program (problem+json, below /api/) is told."""

import logging
import math
import time
from urllib.parse import urlencode, urlsplit

from flask import (
    Flask,
    Response,
    current_app,
    flash,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_limiter import RateLimitExceeded
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException, InternalServerError, SecurityError

from app import errors, metrics
from app.database import db
from app.observability import request_id
from app.web import refusals
from app.web.extensions import limiter
from app.web.json import problem

log = logging.getLogger("web")
FALLBACK_WAIT_SECONDS = 60

STATUS: dict[type[errors.DomainError], int] = {
    errors.InvalidInput: 422,
    errors.NotFound: 404,
    errors.SignInRequired: 401,
    errors.InvalidCredentials: 401,
    errors.SecondFactorRequired: 401,
    errors.TokenInvalid: 401,
    errors.TokenExpired: 401,
    errors.PaymentRequired: 402,
    errors.Forbidden: 403,
    errors.SecondFactorSetupRequired: 403,
    errors.ConfirmationRequired: 403,
    errors.ScopeMissing: 403,
    errors.EnrollmentRequired: 403,
    errors.GrantInvalid: 403,
    errors.VideoNotReady: 409,
    errors.DeletionRefused: 409,
    errors.TooManyStreams: 409,
    errors.SessionEnded: 410,
    errors.LinkInvalid: 410,
    errors.MixedCredentials: 400,
    errors.TooManyRequests: 429,
    errors.VersionConflict: 409,
    errors.CourseNotReady: 409,
    errors.InUse: 409,
    errors.ApprovalRequired: 403,
    errors.InvitationRequired: 403,
    errors.LessonNotOpen: 403,
    errors.TooLarge: 413,
    errors.QuotaExceeded: 507,
    errors.FileRefused: 422,
    errors.StorageFull: 507,
    errors.StorageUnavailable: 503,
    errors.MediaInvalid: 422,
    errors.CheckoutRefused: 409,
    errors.AlreadyOwned: 409,
    errors.SoldOut: 409,
    errors.CouponInvalid: 422,
    errors.IdempotencyKeyReused: 422,
    errors.RefundRefused: 409,
    errors.GatewayUnavailable: 503,
    errors.GatewayRefused: 502,
    errors.WebhookInvalid: 400,
}
TITLES = {
    400: "That request does not make sense",
    401: "Sign in first",
    402: "This has to be bought first",
    403: "This is not open to you",
    404: "Nothing here",
    405: "That does not work here",
    409: "Not possible right now",
    410: "This is over",
    413: "Too large",
    415: "Wrong kind of content",
    422: "Something needs your attention",
    429: "One moment, please",
    500: "Something broke on our side",
    502: "That did not go through",
    503: "Back in a moment",
    507: "No space left",
}


def is_api() -> bool:
    """Whether the request is a program's: the path says so, never a header."""
    path = request.path
    return path.startswith(("/api/", "/media/")) and path != "/api/docs"


def _answer(status: int, code: str, detail: str, **members: object) -> Response:
    title = TITLES.get(status, "That did not work")
    if is_api():
        return problem(status, code, title, detail, request_id=request_id(), **members)
    page = render_template(
        "errors/error.html",
        status=status,
        title=gettext(title),
        detail=gettext(detail),
        request_id=request_id(),
        fields=members.get("errors", ()),
    )
    return Response(page, status, mimetype="text/html")


def _domain_error(error: errors.DomainError) -> ResponseReturnValue:
    db.session.rollback()
    metrics.refusals.labels(error.code).inc()
    refusals.note_refusal(error)
    status = STATUS.get(type(error), 400)
    if isinstance(error, errors.SignInRequired) and not is_api():
        query = {"next": request.full_path.rstrip("?")} if request.method == "GET" else {}
        return redirect(url_for("auth.sign_in") + ("?" + urlencode(query) if query else ""), 303)
    if isinstance(error, errors.SecondFactorSetupRequired) and not is_api():
        return redirect(url_for("auth.security"), 303)
    if isinstance(error, errors.ConfirmationRequired) and not is_api():
        return redirect(url_for("auth.confirm", next=_page_to_return_to()), 303)
    members = dict(error.extra)
    if isinstance(error, errors.InvalidInput):
        members["errors"] = [{"field": f, "message": m} for f, m in error.fields.items()]
    response = _answer(status, error.code, error.detail, **members)
    if isinstance(error, errors.TooManyRequests):
        response.headers["Retry-After"] = str(error.retry_after_seconds)
    if status == 401 and is_api():
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _page_to_return_to() -> str | None:
    """Return the page that was asked for; what a form had sent is lost, and the person is told."""
    if request.method == "GET":
        return request.full_path.rstrip("?")
    flash(
        gettext("What you sent was not kept: confirm that it is you, then send it again."), "warn"
    )
    came_from = urlsplit(request.referrer or "")
    if came_from.netloc == request.host:
        return came_from.path + (f"?{came_from.query}" if came_from.query else "")
    address_book = current_app.create_url_adapter(request)
    has_page = address_book is not None and address_book.test(request.path, "GET")
    return request.path if has_page else None


def _http_error(error: HTTPException) -> ResponseReturnValue:
    db.session.rollback()
    if error.response is not None:
        return error.get_response()
    status = error.code or 500
    code = (error.name or "error").upper().replace(" ", "_").replace("'", "")
    response = _answer(status, code, error.description or TITLES.get(status, ""))
    for name, value in error.get_headers():
        if name.lower() not in ("content-type", "content-length"):
            response.headers[name] = value
    return response


def _unknown_host(_: SecurityError) -> ResponseReturnValue:
    """Say so in plain text: no address of this site can be built for a name that is not its."""
    return Response("This site does not answer to that name.\n", 400, mimetype="text/plain")


def _rate_limited(_: RateLimitExceeded) -> ResponseReturnValue:
    exceeded = limiter.current_limit
    metrics.refusals.labels("RATE_LIMITED").inc()
    refusals.note_limit()
    detail = gettext("Too many tries. Wait a moment and try again.")
    response = _answer(429, "RATE_LIMITED", detail)
    wait_seconds = math.ceil(exceeded.reset_at - time.time()) if exceeded else FALLBACK_WAIT_SECONDS
    response.headers["Retry-After"] = str(max(1, wait_seconds))
    return response


def _database_away(error: Exception) -> ResponseReturnValue:
    metrics.refusals.labels("TEMPORARILY_UNAVAILABLE").inc()
    log.error("database unavailable", exc_info=error)
    db.session.rollback()
    detail = gettext("The site is catching its breath. Your work is safe; try again in a moment.")
    response = _answer(503, "TEMPORARILY_UNAVAILABLE", detail)
    response.headers["Retry-After"] = "2"
    return response


def _crash(_: InternalServerError) -> ResponseReturnValue:
    db.session.rollback()
    detail = gettext("We have been told. Try again; if it happens again, send us the code below.")
    return _answer(500, "INTERNAL_ERROR", detail)


def init_app(app: Flask) -> None:
    """Register the handlers."""
    app.register_error_handler(errors.DomainError, _domain_error)
    app.register_error_handler(RateLimitExceeded, _rate_limited)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(SecurityError, _unknown_host)
    app.register_error_handler(InternalServerError, _crash)
    app.register_error_handler(OperationalError, _database_away)
    app.register_error_handler(PoolTimeout, _database_away)
