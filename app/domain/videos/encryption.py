"""AES-128-CBC of whole segments, as HLS's METHOD=AES-128 defines it (RFC 8216, 4.3.2.4)."""

import secrets

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

SEGMENTS_PER_KEY = 5
KEY_BYTES = 16
IV_BYTES = 16
_BLOCK_BITS = 128


def window_of(segment_index: int) -> int:
    """Return the key window of a segment; every rung of a generation shares its windows."""
    return segment_index // SEGMENTS_PER_KEY


def encrypt(segment: bytes, key: bytes) -> tuple[bytes, bytes]:
    """Return a fresh random IV and the padded ciphertext of `segment`."""
    iv = secrets.token_bytes(IV_BYTES)
    padder = PKCS7(_BLOCK_BITS).padder()
    encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    padded = padder.update(segment) + padder.finalize()
    return iv, encryptor.update(padded) + encryptor.finalize()


def decrypt(ciphertext: bytes, key: bytes, iv: bytes) -> bytes:
    """Return the segment. Raises ValueError when the padding shows a wrong key or a torn file."""
    decryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor()
    padded = decryptor.update(ciphertext) + decryptor.finalize()
    unpadder = PKCS7(_BLOCK_BITS).unpadder()
    return unpadder.update(padded) + unpadder.finalize()
