"""JSON in and out: strict request bodies, problem documents, times and pages."""

from datetime import UTC, datetime
from json import JSONEncoder
from typing import Any, TypeVar
from uuid import UUID

from flask import Response, current_app, g, json, request
from pydantic import BaseModel, ConfigDict, ValidationError
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from app.errors import InvalidInput

PROBLEM = "application/problem+json"

T = TypeVar("T", bound=BaseModel)


class Body(BaseModel):
    """Base of request bodies: unknown fields are refused, types are not guessed."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def read_body(model: type[T]) -> T:
    """Return the request's JSON body as `model`.

    Raises UnsupportedMediaType unless the request says application/json, BadRequest when the
    body is not a JSON object, and InvalidInput naming each wrong field.
    """
    if request.mimetype != "application/json":
        raise UnsupportedMediaType("Send the body as application/json.")
    raw = g.read_body = request.get_data(cache=False)  # an error that quotes it is scrubbed of it
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        problems = error.errors(include_input=False, include_url=False, include_context=False)
    if any(problem["type"] == "json_invalid" for problem in problems):
        raise BadRequest("The body is not valid JSON.")
    if any(not problem["loc"] for problem in problems):
        raise BadRequest("The body must be a JSON object.")
    raise InvalidInput({".".join(map(str, p["loc"])): p["msg"] for p in problems})


def problem(status: int, code: str, title: str, detail: str, **members: Any) -> Response:
    """Return an RFC 9457 problem document; `members` are its extension members."""
    from_code = code.lower().replace("_", "-")
    document = {
        "type": f"urn:problem:{from_code}",
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
        **members,
    }
    body = current_app.json.dumps(document)
    return Response(body, status, mimetype=PROBLEM)


def rfc3339(moment: datetime | None) -> str | None:
    """Return `moment` in UTC as RFC 3339 with a Z, or None."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _default(value: Any) -> Any:
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    raise TypeError(f"{type(value).__name__} is not JSON serialisable")


class JsonProvider(json.provider.DefaultJSONProvider):
    """Flask's provider with our time format, keys in the order written."""

    default = staticmethod(_default)
    sort_keys = False
    compact = True
    _encode = JSONEncoder(default=_default, separators=(",", ":")).encode

    def response(self, *args: Any, **members: Any) -> Response:
        """Return an answer with one value, or with an object of `members`."""
        document = self._prepare_response_obj(args, members)
        return Response(f"{self._encode(document)}\n", mimetype=self.mimetype)
