"""Signatures of the addresses that take an upload's parts: whoever holds one may send that part.

Only for storage that has no signed addresses of its own. Nobody signs in to use one, so it is
bound to one part of one upload, says how long that part is, and ends.
"""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from app.clock import utcnow
from app.current import settings
from app.errors import GrantInvalid

LASTS = timedelta(hours=24)
_PURPOSE = b"upload-part/1"


@dataclass(frozen=True, slots=True)
class Signed:
    """What an address carries: when it ends (seconds since 1970) and that it is ours."""

    expires: int
    signature: str


def sign(upload_id: UUID, number: int, size_bytes: int) -> Signed:
    """Return what lets anybody send part `number` for a day."""
    expires = int((utcnow() + LASTS).timestamp())
    return Signed(expires, _signature(upload_id, number, size_bytes, expires))


def verify(upload_id: UUID, number: int, size_bytes: int, signed: Signed) -> None:
    """Let a part pass whose address we made. Raises GrantInvalid."""
    expected = _signature(upload_id, number, size_bytes, signed.expires)
    if not hmac.compare_digest(expected.encode(), signed.signature.encode()):
        raise GrantInvalid("This address is not signed for this part of this upload.")
    if utcnow().timestamp() >= signed.expires:
        raise GrantInvalid("The address has expired. Ask for the upload again; it has fresh ones.")


def _signature(upload_id: UUID, number: int, size_bytes: int, expires: int) -> str:
    key = hmac.digest(settings.secret_key.encode(), _PURPOSE, hashlib.sha256)
    text = f"{upload_id} {number} {size_bytes} {expires}".encode()
    return urlsafe_b64encode(hmac.digest(key, text, hashlib.sha256)).decode().rstrip("=")
