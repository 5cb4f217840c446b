"""What is drawn over the picture: who watches, and a code that leads back to the stream."""

import secrets
from dataclasses import dataclass

from app.current import settings

# No 0/O, 1/I/L, 2/Z, 5/S, 8/B, U/V: a code is read off a photograph of a screen.
ALPHABET = "34679ACDEFGHJKMNPQRTWXY"
CODE_LENGTH = 8
CODES = len(ALPHABET) ** CODE_LENGTH
"""7.8e10"""


@dataclass(frozen=True, slots=True)
class Watermark:
    """The text (a name or an address, masked by setting) and the session's code."""

    text: str
    code: str


def new_code() -> str:
    """Return a fresh session code from an alphabet without look-alikes."""
    number = secrets.randbelow(CODES)
    letters = []
    for _ in range(CODE_LENGTH):
        number, letter = divmod(number, len(ALPHABET))
        letters.append(ALPHABET[letter])
    return "".join(letters)


def mask(email: str) -> str:
    """Return an address its owner recognises and nobody else can use: le…r@example.com."""
    local, _, host = email.partition("@")
    if len(local) <= 3:
        return f"{local[:1]}…@{host}"
    return f"{local[:2]}…{local[-1]}@{host}"


def of(name: str, email: str, code: str) -> Watermark:
    """Return the watermark of a person's stream."""
    shown = mask(email) if settings.watermark_mask_email else email
    return Watermark(text=f"{name} · {shown}", code=code)
