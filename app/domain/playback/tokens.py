"""The playback token: a JWT of 90 s that opens one lease for one sign-in, and nothing else."""

import uuid
from dataclasses import dataclass
from datetime import timedelta

import jwt

from app.clock import utcnow
from app.current import settings
from app.errors import TokenExpired, TokenInvalid

ALGORITHM = "HS256"
TYPE = "playback+jwt"
AUDIENCE = "playback"
REQUIRED = ["iss", "aud", "sub", "jti", "sid", "psid", "ast", "iat", "nbf", "exp"]


@dataclass(frozen=True, slots=True)
class PlaybackClaims:
    """What a verified token says: whose it is, which sign-in, which lease, which video."""

    user_id: uuid.UUID
    session_hash: str
    playback_session_id: uuid.UUID
    video_id: uuid.UUID


def issue(claims: PlaybackClaims) -> str:
    """Return a signed token that is valid for `settings.playback_token_seconds` from now."""
    now = utcnow()
    payload = {
        "iss": settings.public_base_url,
        "aud": AUDIENCE,
        "sub": str(claims.user_id),
        "jti": uuid.uuid4().hex,
        "sid": claims.session_hash,
        "psid": str(claims.playback_session_id),
        "ast": str(claims.video_id),
        "iat": int(now.timestamp()),
        "nbf": int(now.timestamp()),
        "exp": int((now + timedelta(seconds=settings.playback_token_seconds)).timestamp()),
    }
    return jwt.encode(
        payload, settings.playback_jwt_secret, algorithm=ALGORITHM, headers={"typ": TYPE}
    )


def verify(token: str) -> PlaybackClaims:
    """Return the claims of `token`. Raises TokenExpired or TokenInvalid.

    The algorithm, type, issuer and audience are ours to name, never the token's (RFC 8725).
    """
    try:
        decoded = jwt.decode_complete(
            token,
            settings.playback_jwt_secret,
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            issuer=settings.public_base_url,
            options={
                "require": REQUIRED,
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
            },
        )
        payload = decoded["payload"]
        claims = PlaybackClaims(
            user_id=uuid.UUID(payload["sub"]),
            session_hash=str(payload["sid"]),
            playback_session_id=uuid.UUID(payload["psid"]),
            video_id=uuid.UUID(payload["ast"]),
        )
        not_before, expires = int(payload["nbf"]), int(payload["exp"])
    except (jwt.InvalidTokenError, ValueError, TypeError, AttributeError) as error:
        raise TokenInvalid from error
    if decoded["header"].get("typ") != TYPE:
        raise TokenInvalid
    now = utcnow().timestamp()
    if now >= expires:
        raise TokenExpired
    if now < not_before - 1:
        raise TokenInvalid
    return claims
