"""What this room knows of one person, for their export: no hash, no secret, no token."""

from typing import Any

from sqlalchemy import select

from app.database import db
from app.domain.accounts.models import ApiKey, DataExport, LoginSession, Passkey, User

Documents = dict[str, Any]


def export_of(user: User) -> Documents:
    """Return a person's profile, sign-ins, passkeys, API keys and exports."""
    return {
        "profile": _profile(user),
        "sign-ins": _rows(
            select(
                LoginSession.kind,
                LoginSession.created_at,
                LoginSession.last_seen_at,
                LoginSession.second_factor_at,
                LoginSession.expires_at,
                LoginSession.revoked_at,
                LoginSession.user_agent,
                LoginSession.ip_address,
            )
            .where(LoginSession.user_id == user.id)
            .order_by(LoginSession.created_at)
        ),
        "passkeys": _rows(
            select(Passkey.name, Passkey.created_at, Passkey.last_used_at)
            .where(Passkey.user_id == user.id)
            .order_by(Passkey.created_at)
        ),
        "api-keys": _rows(
            select(
                ApiKey.name,
                ApiKey.scopes,
                ApiKey.created_at,
                ApiKey.expires_at,
                ApiKey.last_used_at,
                ApiKey.revoked_at,
            )
            .where(ApiKey.user_id == user.id)
            .order_by(ApiKey.created_at)
        ),
        "exports": _rows(
            select(DataExport.requested_at, DataExport.ready_at, DataExport.expires_at)
            .where(DataExport.user_id == user.id)
            .order_by(DataExport.requested_at)
        ),
    }


def _profile(user: User) -> dict[str, Any]:
    return {
        "id": user.id,
        "email": user.email,
        "email_verified_at": user.email_verified_at,
        "name": user.name,
        "headline": user.headline,
        "bio": user.bio,
        "role": user.role,
        "status": user.status,
        "language": user.locale,
        "time_zone": user.timezone,
        "playback_rate": user.playback_rate,
        "created_at": user.created_at,
        "has_password": user.password_hash is not None,
        "second_factor_added_at": user.second_factor_added_at,
        "has_authenticator_app": user.totp_confirmed_at is not None,
        "deletion_due_at": user.deletion_due_at,
    }


def _rows(statement: Any) -> list[dict[str, Any]]:
    return [dict(row) for row in db.session.execute(statement).mappings()]
