"""Amounts of money as people type them, in whole units with up to two decimals."""

MINOR_UNITS = 100
MAX_DIGITS = 11


def minor_of(text: str | None) -> int | None:
    """Return what was typed in minor units; None when it is no amount."""
    whole, _, rest = (text or "").strip().replace(",", ".").partition(".")
    digits = whole + rest.ljust(2, "0")
    is_amount = digits.isascii() and digits.isdigit() and len(rest) <= 2
    return int(digits) if is_amount and whole and len(digits) <= MAX_DIGITS else None


def typed(minor: int) -> str:
    """Return an amount of minor units as people type it."""
    whole, rest = divmod(minor, MINOR_UNITS)
    return f"{whole}.{rest:02d}" if rest else str(whole)
