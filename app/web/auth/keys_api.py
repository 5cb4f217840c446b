"""/api/auth/api-keys: one's API keys as JSON. No key may list, make or revoke keys."""

from typing import Annotated
from uuid import UUID

from flask import Response, jsonify
from flask.typing import ResponseReturnValue
from pydantic import AwareDatetime, BaseModel, Field

from app.database import db
from app.domain.accounts import api_keys as keys
from app.domain.accounts.api_keys import KeyView, Scope
from app.domain.audit.actions import Action
from app.web import audit
from app.web.access import require_recent, require_signed_in
from app.web.auth import blueprint, limits
from app.web.auth.api_keys import note_created
from app.web.json import Body, read_body
from app.web.openapi import describe


class KeyRequest(Body):
    """What a key is for: the scopes it has and how many days it works."""

    name: Annotated[str, Field(min_length=1, max_length=keys.MAX_NAME_LENGTH)]
    scopes: Annotated[list[str], Field(min_length=1, max_length=len(Scope))]
    expires_in_days: Annotated[int, Field(ge=1, le=keys.MAX_DAYS)] = 90


class KeyDocument(BaseModel):
    """A key without its secret."""

    id: UUID
    name: str
    scopes: list[Scope]
    created_at: AwareDatetime
    expires_at: AwareDatetime
    last_used_at: AwareDatetime | None


class KeysDocument(BaseModel):
    """The keys that work."""

    items: list[KeyDocument]


class NewKeyDocument(KeyDocument):
    """A key that was made; `token` is shown this once."""

    token: str


@blueprint.get("/api/auth/api-keys")
@describe({200: KeysDocument})
def list_api_keys() -> Response:
    """List the keys that work, the newest first."""
    items = keys.list_live(require_signed_in().user_id)
    return jsonify(items=[_document(view) for view in items])


@blueprint.post("/api/auth/api-keys")
@describe({201: NewKeyDocument}, body=KeyRequest)
@limits.limited_by(limits.CHANGE)
def create_api_key() -> ResponseReturnValue:
    """Make a key; wants a proof of identity not older than 15 minutes."""
    person = require_signed_in()
    require_recent(person)
    body = read_body(KeyRequest)
    view, token = keys.create(person, body.name, body.scopes, body.expires_in_days)
    note_created(view)
    db.session.commit()
    return jsonify(**_document(view), token=token), 201


@blueprint.delete("/api/auth/api-keys/<uuid:key_id>")
@describe({204: None})
@limits.limited_by(limits.CHANGE)
def revoke_api_key(key_id: UUID) -> ResponseReturnValue:
    """Revoke a key; it opens nothing from its next request on."""
    name = keys.revoke(require_signed_in().user_id, key_id)
    audit.note(Action.API_KEY_REVOKED, key=key_id, name=name)
    db.session.commit()
    return Response(status=204)


def _document(view: KeyView) -> dict[str, object]:
    return {
        "id": view.id,
        "name": view.name,
        "scopes": view.scopes,
        "created_at": view.created_at,
        "expires_at": view.expires_at,
        "last_used_at": view.last_used_at,
    }
