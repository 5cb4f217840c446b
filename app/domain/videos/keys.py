"""Content keys: made at random, kept sealed, opened for a player whose lease was checked."""

import secrets
from functools import lru_cache
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import select

from app.current import settings
from app.database import db
from app.domain.videos.encryption import KEY_BYTES
from app.domain.videos.models import ContentKey
from app.errors import NotFound

_PURPOSE = b"content-key/1"
_NONCE_BYTES = 12


class SealBroken(Exception):
    """A sealed key does not open: another secret, or it belongs elsewhere."""


def new_key() -> bytes:
    """Return a random AES-128 key."""
    return secrets.token_bytes(KEY_BYTES)


def seal(secret: str, video_id: UUID, generation: int, window: int, key: bytes) -> bytes:
    """Return `key` encrypted for storage; it opens only for the same video and window."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + _cipher(secret).encrypt(nonce, key, _place(video_id, generation, window))


def unseal(secret: str, video_id: UUID, generation: int, window: int, sealed: bytes) -> bytes:
    """Return the key in `sealed`. Raises SealBroken."""
    nonce, body = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
    try:
        return _cipher(secret).decrypt(nonce, body, _place(video_id, generation, window))
    except (InvalidTag, ValueError) as error:
        raise SealBroken(f"key {window} of video {video_id}") from error


def content_key(video_id: UUID, generation: int, window: int) -> bytes:
    """Return the AES-128 key of a window, in one query. Raises NotFound, SealBroken."""
    sealed = db.session.scalar(
        select(ContentKey.sealed_key).where(
            ContentKey.video_id == video_id,
            ContentKey.generation == generation,
            ContentKey.window == window,
        )
    )
    if sealed is None:
        raise NotFound
    return unseal(settings.content_secret, video_id, generation, window, sealed)


@lru_cache(maxsize=4)
def _cipher(secret: str) -> AESGCM:
    derivation = HKDF(algorithm=SHA256(), length=32, salt=None, info=_PURPOSE)
    return AESGCM(derivation.derive(secret.encode()))


def _place(video_id: UUID, generation: int, window: int) -> bytes:
    return video_id.bytes + generation.to_bytes(4, "big") + window.to_bytes(4, "big")
