"""What people quote: order numbers that can be read out and typed without mistakes."""

import secrets

# Crockford's base32: no I, L, O and U.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 8
_READ_AS = str.maketrans("ILO", "110")


def new_number() -> str:
    """Return a random order number; a unique constraint decides whether it is free."""
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def read_number(text: str) -> str | None:
    """Return the order number that somebody typed, forgiving case, gaps and look-alikes."""
    number = "".join(text.upper().replace("-", "").split()).translate(_READ_AS)
    if len(number) != LENGTH or any(letter not in ALPHABET for letter in number):
        return None
    return number
