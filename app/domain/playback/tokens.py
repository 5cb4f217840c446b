"""The playback token: a JWT of 90 s that opens one lease for one sign-in, and nothing else.

Ours has one header, so a token with any other is refused before anything of it is read; that
leaves no algorithm, type or key for a token to choose (RFC 8725).
"""

import hashlib
import hmac
import json
import uuid
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import Any

from app.clock import utcnow
from app.current import settings
from app.errors import TokenExpired, TokenInvalid

TYPE = "playback+jwt"
AUDIENCE = "playback"
REQUIRED = ["iss", "aud", "sub", "jti", "sid", "psid", "ast", "iat", "nbf", "exp"]


def _encode(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


HEADER = _encode(json.dumps({"alg": "HS256", "typ": TYPE}, separators=(",", ":")).encode())


@dataclass(frozen=True, slots=True)
class PlaybackClaims:
    """What a verified token says: whose it is, which sign-in, which lease, which video."""

    user_id: uuid.UUID
    session_hash: str
    playback_session_id: uuid.UUID
    video_id: uuid.UUID


def issue(claims: PlaybackClaims) -> str:
    """Return a signed token that is valid for `settings.playback_token_seconds` from now."""
    now = int(utcnow().timestamp())
    payload = {
        "iss": settings.public_base_url,
        "aud": AUDIENCE,
        "sub": str(claims.user_id),
        "jti": uuid.uuid4().hex,
        "sid": claims.session_hash,
        "psid": str(claims.playback_session_id),
        "ast": str(claims.video_id),
        "iat": now,
        "nbf": now,
        "exp": now + settings.playback_token_seconds,
    }
    signed = f"{HEADER}.{_encode(json.dumps(payload, separators=(',', ':')).encode())}"
    return f"{signed}.{_signature(signed)}"


def _signature(signed: str) -> str:
    secret = settings.playback_jwt_secret.encode()
    return _encode(hmac.digest(secret, signed.encode(), hashlib.sha256))


def _payload(token: str) -> dict[str, Any]:
    """Return what is signed. Raises TokenInvalid."""
    signed, _, signature = token.rpartition(".")
    header, _, body = signed.partition(".")
    if not token.isascii() or header != HEADER:
        raise TokenInvalid
    if not hmac.compare_digest(signature, _signature(signed)):
        raise TokenInvalid
    payload = json.loads(urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    if not isinstance(payload, dict) or not payload.keys() >= set(REQUIRED):
        raise TokenInvalid
    return payload


def verify(token: str) -> PlaybackClaims:
    """Return the claims of `token`. Raises TokenExpired or TokenInvalid.

    The issuer and audience are ours to name, never the token's.
    """
    try:
        payload = _payload(token)
        claims = PlaybackClaims(
            user_id=uuid.UUID(payload["sub"]),
            session_hash=str(payload["sid"]),
            playback_session_id=uuid.UUID(payload["psid"]),
            video_id=uuid.UUID(payload["ast"]),
        )
        not_before, expires = int(payload["nbf"]), int(payload["exp"])
    except (ValueError, TypeError, AttributeError) as error:
        raise TokenInvalid from error
    if payload["iss"] != settings.public_base_url or payload["aud"] != AUDIENCE:
        raise TokenInvalid
    now = utcnow().timestamp()
    if now >= expires:
        raise TokenExpired
    if now < not_before - 1:
        raise TokenInvalid
    return claims
