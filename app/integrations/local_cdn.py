"""The local twin of CloudFront: an HMAC grant in a cookie, checked by the application itself."""

import hashlib
import hmac
from base64 import b64decode, urlsafe_b64encode
from datetime import UTC, datetime
from uuid import UUID

from app.errors import GrantInvalid
from app.integrations.cdn import MEDIA_PATH, Grant, GrantCookie

COOKIE_NAME = "media-grant"
_PURPOSE = b"media-grant/1"
# version, expiry, lease: with the MAC a multiple of three, so that base64 has one spelling
_VERSION = b"\x01"
_BODY_BYTES = 1 + 8 + 16


class LocalCdn:
    """Signs with HMAC-SHA256. A grant is bound to one generation, one lease and one sign-in."""

    def __init__(self, secret: str) -> None:
        self._key = hmac.digest(secret.encode(), _PURPOSE, hashlib.sha256)

    def grant(
        self,
        prefix: str,
        login_session_hash: bytes,
        playback_session_id: UUID,
        expires_at: datetime,
    ) -> Grant:
        """Return a grant whose cookie the browser sends only for this generation's segments."""
        expiry = int(expires_at.timestamp()).to_bytes(8, "big")
        body = _VERSION + expiry + playback_session_id.bytes
        token = urlsafe_b64encode(body + self._mac(prefix, body, login_session_hash))
        return Grant("", (_cookie(prefix, token.decode()),), expires_at)

    def verify(
        self, prefix: str, cookie_value: str, login_session_hash: bytes, now: datetime
    ) -> UUID:
        """Return the playback session that the grant was given to.

        Raises GrantInvalid when it is malformed, expired, or for another generation or sign-in.
        """
        try:
            raw = b64decode(cookie_value.encode("ascii"), altchars=b"-_", validate=True)
        except ValueError as error:
            raise GrantInvalid from error
        if urlsafe_b64encode(raw) != cookie_value.encode("ascii"):
            raise GrantInvalid  # base64 has further spellings; ours has one
        body, mac = raw[:_BODY_BYTES], raw[_BODY_BYTES:]
        if not hmac.compare_digest(mac, self._mac(prefix, body, login_session_hash)):
            raise GrantInvalid
        expires_at = datetime.fromtimestamp(int.from_bytes(body[1:9], "big"), UTC)
        if now >= expires_at:
            raise GrantInvalid("The media grant has expired.")
        return UUID(bytes=body[9:])

    def segment_base(self, prefix: str) -> str:
        """Return the path below which this site itself serves the segments."""
        return f"{MEDIA_PATH}/{prefix}"

    def expired_cookies(self, prefix: str) -> tuple[GrantCookie, ...]:
        """Return the grant's cookie without a value."""
        return (_cookie(prefix, ""),)

    def _mac(self, prefix: str, body: bytes, login_session_hash: bytes) -> bytes:
        session = hashlib.sha256(login_session_hash).digest()
        return hmac.digest(self._key, body + session + prefix.encode(), hashlib.sha256)


def _cookie(prefix: str, value: str) -> GrantCookie:
    return GrantCookie(COOKIE_NAME, value, f"{MEDIA_PATH}/{prefix}/")
