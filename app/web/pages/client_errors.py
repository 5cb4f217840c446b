"""What browsers tell of errors in our scripts: small, counted, logged, passed on, never kept."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import structlog
from flask import current_app, request
from flask.typing import ResponseReturnValue
from pydantic import Field, StringConstraints
from werkzeug.exceptions import HTTPException

from app import error_reports, metrics
from app.observability import request_id
from app.scrubbing import scrub
from app.web.access import client_info
from app.web.extensions import limiter
from app.web.json import Body
from app.web.json import read_body as read
from app.web.openapi import describe
from app.web.pages import blueprint

log = structlog.get_logger()
MAX_BYTES = 8 * 1024
PER_NETWORK = "30 per minute"
MAX_FRAMES = 30
# "    at name (https://host/file.js:1:2)" of Chromium, "name@https://host/file.js:1:2" of others
# Each repetition is bounded and stays within its line: a stack is what a stranger sends.
_FRAME = re.compile(
    r"[ \t]{0,16}(?:at )?(?P<function>[^\s(@]{0,200})[ (@]{0,3}"
    r"(?P<file>https?://[^\s)]{1,500}?):(?P<line>\d{1,8}):(?P<column>\d{1,8})(?!\d)"
)


class ClientError(Body):
    """One error that no script caught."""

    kind: Literal["error", "rejection", "module"]
    name: Annotated[str, StringConstraints(max_length=100)] = "Error"
    message: Annotated[str, StringConstraints(max_length=500)]
    page: Annotated[str, StringConstraints(max_length=500)]
    source: Annotated[str, StringConstraints(max_length=500)] = ""
    line: Annotated[int, Field(ge=0, le=10_000_000)] = 0
    column: Annotated[int, Field(ge=0, le=10_000_000)] = 0
    stack: Annotated[str, StringConstraints(max_length=4000)] = ""


@blueprint.post("/api/client-errors")
@describe({204: None}, body=ClientError)
@limiter.limit(PER_NETWORK, key_func=lambda: client_info().network)
def report_client_error() -> ResponseReturnValue:
    """Take note of an error in a browser; who was at it, and with which address, is not kept."""
    request.max_content_length = MAX_BYTES
    told = read(ClientError)
    page = _endpoint(told.page)
    metrics.client_errors.labels(told.kind).inc()
    log.warning(
        "client error",
        logger="browser",
        kind=told.kind,
        page=page,
        error=f"{told.name}: {told.message}",
        source=_path(told.source),
        line=told.line,
        column=told.column,
        stack="\n".join(_line(frame) for frame in _frames(told)),
    )
    error_reports.report_event(_event(told, page))
    return "", 204


def _endpoint(path: str) -> str:
    """Return which page of ours `path` is; an address may hold what is nobody's business."""
    try:
        found = current_app.create_url_adapter(request).match(_path(path), "GET")  # type: ignore[union-attr]
    except HTTPException:
        return "unmatched"
    return str(found[0])


def _path(address: str) -> str:
    try:
        return urlsplit(address).path
    except ValueError:
        return ""


def _frames(told: ClientError) -> list[dict[str, str | int | bool]]:
    """Return where the error came up, outermost call first, files by their paths alone."""
    found = (_FRAME.match(line) for line in told.stack.splitlines()[:MAX_FRAMES])
    frames = [_frame(each["file"], each) for each in found if each]
    return frames[::-1] or [_frame(told.source, {"line": told.line, "column": told.column})]


def _frame(file: str, told: Mapping[str, Any] | re.Match[str]) -> dict[str, str | int | bool]:
    """Return one place; a path may hold what opens something, as links in mails do."""
    function = told["function"] if isinstance(told, re.Match) else ""
    return {
        "filename": scrub(_path(file)),
        "function": scrub(function) or "?",
        "lineno": int(told["line"]),
        "colno": int(told["column"]),
        "in_app": True,
    }


def _line(frame: dict[str, str | int | bool]) -> str:
    return f"{frame['function']} {frame['filename']}:{frame['lineno']}:{frame['colno']}"


def _event(told: ClientError, page: str) -> dict[str, object]:
    """Return the error as an event of Sentry's own form."""
    error = {
        "type": scrub(told.name),
        "value": told.message,
        "stacktrace": {"frames": _frames(told)},
        "mechanism": {"type": told.kind, "handled": False},
    }
    return {
        "platform": "javascript",
        "level": "error",
        "logger": "browser",
        "transaction": page,
        "exception": {"values": [error]},
        "tags": {"page": page, "request_id": request_id()},
    }
