"""How an API key is written: tt_<id>_<secret>_<checksum>, all in base 62.

The checksum lets scanners of source code recognise a leaked key, and spares the database a look
for what was never one.
"""

import string
import uuid
import zlib

PREFIX = "tt"
SECRET_BYTES = 32
ID_LENGTH, SECRET_LENGTH, CHECKSUM_LENGTH = 22, 43, 6  # 128, 256 and 32 bits in base 62
TOKEN_LENGTH = len(PREFIX) + ID_LENGTH + SECRET_LENGTH + CHECKSUM_LENGTH + 3
ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase


def is_like_a_key(token: str) -> bool:
    """Whether a bearer token is meant as a key, be it a valid one or not."""
    return token.startswith(f"{PREFIX}_")


def write(key_id: uuid.UUID, secret: bytes) -> str:
    """Return the token of a key."""
    number = int.from_bytes(secret)
    body = f"{PREFIX}_{_base62(key_id.int, ID_LENGTH)}_{_base62(number, SECRET_LENGTH)}"
    return f"{body}_{_checksum(body)}"


def read(token: str) -> tuple[uuid.UUID, bytes] | None:
    """Return the id and the secret of a token; None when it is not written as keys are."""
    if len(token) != TOKEN_LENGTH or not token.isascii():
        return None
    body, _, checksum = token.rpartition("_")
    prefix, _, rest = body.partition("_")
    written_id, _, written_secret = rest.partition("_")
    if prefix != PREFIX or checksum != _checksum(body):
        return None
    key_id, secret = _number(written_id), _number(written_secret)
    if key_id is None or secret is None or key_id >> 128 or secret >> 8 * SECRET_BYTES:
        return None
    return uuid.UUID(int=key_id), secret.to_bytes(SECRET_BYTES)


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(body.encode()), CHECKSUM_LENGTH)


def _base62(number: int, length: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, len(ALPHABET))
        digits = ALPHABET[digit] + digits
    return digits.rjust(length, ALPHABET[0])


def _number(text: str) -> int | None:
    number = 0
    for character in text:
        digit = ALPHABET.find(character)
        if digit < 0:
            return None
        number = number * len(ALPHABET) + digit
    return number
