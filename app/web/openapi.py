"""The OpenAPI 3.1 document, generated from the url map and what each JSON view says of itself."""

import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, TypeVar

from flask import Flask
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from werkzeug.routing import Rule

from app.web.json import PROBLEM
from app.web.scopes import SCOPES
from app.web.site import chosen

VIEW = TypeVar("VIEW", bound=Callable[..., Any])
REFERENCE = "#/components/schemas/{model}"
PARAMETER = re.compile(r"<(?:(?P<type>\w+)(?:\([^)]*\))?:)?(?P<name>\w+)>")
PATH_TYPES: dict[str, dict[str, str]] = {
    "uuid": {"type": "string", "format": "uuid"},
    "int": {"type": "integer"},
}
WRITES = frozenset({"POST", "PUT", "PATCH"})


class Problem(BaseModel):
    """RFC 9457: what went wrong; `code` is stable, `errors` name the fields of the input."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    errors: list[dict[str, str]] | None = None


@dataclass(frozen=True)
class Description:
    """What a view says of itself: its body, its query and its answers by status."""

    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    answers: dict[int, type[BaseModel] | str | None] = field(default_factory=dict)

    def models(self) -> Iterator[type[BaseModel]]:
        """Yield every model that is mentioned."""
        for model in (self.body, self.query, *self.answers.values()):
            if isinstance(model, type):
                yield model


def describe(
    answers: dict[int, type[BaseModel] | str | None],
    *,
    body: type[BaseModel] | None = None,
    query: type[BaseModel] | None = None,
) -> Callable[[VIEW], VIEW]:
    """Attach a view's description; an answer is a model, a media type, or None (no content)."""

    def mark(view: VIEW) -> VIEW:
        view.__api__ = Description(body, query, answers)  # type: ignore[attr-defined]
        return view

    return mark


def api_rules(app: Flask) -> list[Rule]:
    """Return the rules below /api/, by address."""
    rules = (rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/api/"))
    return sorted(rules, key=lambda rule: rule.rule)


def description_of(app: Flask, rule: Rule) -> Description | None:
    """Return what the rule's view says of itself, if it does."""
    return getattr(app.view_functions[rule.endpoint], "__api__", None)


def _content(answer: type[BaseModel] | str) -> dict[str, Any]:
    if isinstance(answer, str):
        return {answer: {"schema": {"type": "string"}}}
    reference = REFERENCE.format(model=answer.__name__)
    return {"application/json": {"schema": {"$ref": reference}}}


def _responses(description: Description) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for status, answer in description.answers.items():
        responses[str(status)] = {"description": HTTPStatus(status).phrase}
        if answer is not None:
            responses[str(status)]["content"] = _content(answer)
    responses["default"] = {
        "description": "The error, as a problem document",
        "content": {PROBLEM: {"schema": {"$ref": REFERENCE.format(model="Problem")}}},
    }
    return responses


def _parameters(rule: Rule, description: Description) -> list[dict[str, Any]]:
    parameters: list[dict[str, Any]] = [
        {
            "name": match["name"],
            "in": "path",
            "required": True,
            "schema": PATH_TYPES.get(match["type"] or "", {"type": "string"}),
        }
        for match in PARAMETER.finditer(rule.rule)
    ]
    if description.query is not None:
        schema = description.query.model_json_schema()
        required = schema.get("required", ())
        for name, property_ in schema.get("properties", {}).items():
            is_required = name in required
            parameters.append(
                {"name": name, "in": "query", "required": is_required, "schema": property_}
            )
    return parameters


def _operation(app: Flask, rule: Rule, method: str, is_public: bool) -> dict[str, Any]:
    view = app.view_functions[rule.endpoint]
    description = description_of(app, rule) or Description()
    operation: dict[str, Any] = {
        "operationId": f"{rule.endpoint}.{method.lower()}",
        "summary": (view.__doc__ or rule.endpoint).strip().splitlines()[0],
        "tags": [rule.endpoint.partition(".")[0]],
        "responses": _responses(description),
        "security": _security(rule.endpoint, is_public),
    }
    if details := inspect.cleandoc(view.__doc__ or "").partition("\n\n")[2]:
        operation["description"] = " ".join(details.split())
    if parameters := _parameters(rule, description):
        operation["parameters"] = parameters
    if description.body is not None and method in WRITES:
        operation["requestBody"] = {"required": True, "content": _content(description.body)}
    return operation


def _security(endpoint: str, is_public: bool) -> list[dict[str, list[str]]]:
    """Say with what an operation may be asked: any one of these; an empty one is nobody's."""
    ways: list[dict[str, list[str]]] = [{}] if is_public else [{"session": []}]
    if scope := SCOPES.get(endpoint):
        ways.append({"key": [scope.value]})
    return [] if ways == [{}] else ways


def _schemes(cookie_name: str) -> dict[str, Any]:
    return {
        "session": {
            "type": "apiKey",
            "in": "cookie",
            "name": cookie_name,
            "description": "The cookie of a sign-in; not to be sent beside a key.",
        },
        "key": {
            "type": "http",
            "scheme": "bearer",
            "description": "An API key, made on the page /account/api-keys: "
            "`Authorization: Bearer tt_...`. Each operation names the scope it needs.",
        },
    }


def document(app: Flask, public_endpoints: frozenset[str], cookie_name: str) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of every route below /api/."""
    models: set[type[BaseModel]] = {Problem}
    paths: dict[str, Any] = {}
    for rule in api_rules(app):
        description = description_of(app, rule)
        models |= set(description.models()) if description else set()
        path = paths.setdefault(PARAMETER.sub(r"{\g<name>}", rule.rule), {})
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            is_public = rule.endpoint in public_endpoints
            path[method.lower()] = _operation(app, rule, method, is_public)
    named = [(model, "validation") for model in sorted(models, key=lambda model: model.__name__)]
    _, schemas = models_json_schema(named, ref_template=REFERENCE)  # type: ignore[arg-type]
    return {
        "openapi": "3.1.0",
        "info": {"title": f"{chosen().name} API", "version": "1"},
        "paths": paths,
        "components": {
            "schemas": schemas.get("$defs", {}),
            "securitySchemes": _schemes(cookie_name),
        },
    }
