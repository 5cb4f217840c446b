"""Secrets that must be read again, encrypted at rest: each opens for one person and one purpose."""

import enum
import secrets
from functools import lru_cache
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.current import settings

_NONCE_BYTES = 12


class Purpose(enum.StrEnum):
    TOTP_SECRET = "totp-secret/1"  # noqa: S105 - a name
    TOTP_SET_UP = "totp-set-up/1"
    RECOVERY_CODES = "recovery-codes/1"
    API_KEY = "api-key/1"


class SealBroken(Exception):
    """What was sealed does not open: another secret key, another person or another purpose."""


def seal(purpose: Purpose, owner: UUID, secret: bytes) -> bytes:
    """Return `secret` encrypted (AES-256-GCM); it opens for the same owner and purpose only."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + _cipher(settings.secret_key, purpose).encrypt(nonce, secret, owner.bytes)


def unseal(purpose: Purpose, owner: UUID, sealed: bytes) -> bytes:
    """Return what `seal` was given. Raises SealBroken."""
    nonce, body = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
    try:
        return _cipher(settings.secret_key, purpose).decrypt(nonce, body, owner.bytes)
    except (InvalidTag, ValueError) as error:
        raise SealBroken(purpose.value) from error


@lru_cache(maxsize=8)
def _cipher(secret_key: str, purpose: Purpose) -> AESGCM:
    derivation = HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose.value.encode())
    return AESGCM(derivation.derive(secret_key.encode()))
