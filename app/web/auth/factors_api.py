"""The JSON twins of the security page: what one has, the authenticator app, recovery codes."""

from typing import Any

from flask import Response, jsonify

from app.domain.accounts import second_factor, totp
from app.domain.accounts.models import Passkey
from app.web.access import require_signed_in
from app.web.auth import blueprint, factor_changes, limits
from app.web.auth.factor_schemas import (
    AppCode,
    AppSecretDocument,
    FactorsDocument,
    NoOptions,
    RecoveryCodesDocument,
)
from app.web.json import read_body
from app.web.openapi import describe


def passkey_view(key: Passkey) -> dict[str, Any]:
    """Return what the owner of a passkey sees of it."""
    return {
        "id": key.id,
        "name": key.name,
        "created_at": key.created_at,
        "last_used_at": key.last_used_at,
    }


@blueprint.get("/api/auth/second-factor")
@describe({200: FactorsDocument})
def factors() -> Response:
    """Say what one has beside the password."""
    found = second_factor.factors_of(require_signed_in().user_id)
    return jsonify(
        totp=found.totp_confirmed_at is not None,
        passkeys=[passkey_view(key) for key in found.passkeys],
        recovery_codes_left=found.recovery_codes_left,
    )


@blueprint.post("/api/auth/totp")
@describe({201: AppSecretDocument}, body=NoOptions)
@limits.limited_by(limits.CHANGE)
def begin_totp_by_program() -> tuple[Response, int]:
    """Make a secret for an authenticator app; a code has to confirm it in this session."""
    person = require_signed_in()
    read_body(NoOptions)
    secret = factor_changes.begin_app(person)
    return jsonify(secret=secret, address=totp.address(secret, person.email)), 201


@blueprint.post("/api/auth/totp/confirm")
@describe({200: RecoveryCodesDocument}, body=AppCode)
@limits.limited_by(limits.CHANGE)
def confirm_totp_by_program() -> Response:
    """Add the authenticator app; with a first factor come recovery codes."""
    changed = factor_changes.add_app(require_signed_in(), read_body(AppCode).code)
    return changed.onto(jsonify(recovery_codes=changed.recovery_codes))


@blueprint.delete("/api/auth/totp")
@describe({204: None})
@limits.limited_by(limits.CHANGE)
def remove_totp_by_program() -> Response:
    """Remove the authenticator app."""
    return factor_changes.drop_app(require_signed_in()).onto(Response(status=204))


@blueprint.post("/api/auth/recovery-codes")
@describe({201: RecoveryCodesDocument}, body=NoOptions)
@limits.limited_by(limits.CHANGE)
def make_recovery_codes_by_program() -> tuple[Response, int]:
    """Make new recovery codes; the older ones stop working."""
    read_body(NoOptions)
    changed = factor_changes.make_codes(require_signed_in())
    return changed.onto(jsonify(recovery_codes=changed.recovery_codes)), 201
