"""E-mail addresses as account names: one spelling each."""

MAX_LENGTH = 254
REMEDY = "Enter an e-mail address like name@example.com."


def normalise_email(value: str) -> str:
    """Return `value` trimmed, in lower case and in Unicode's composed form; syntax is not judged.

    The same person typing the same address always comes out alike, so limits and look-ups agree.
    """
    trimmed = value.strip()
    try:
        return _validated(trimmed)
    except ValueError:
        return trimmed[:MAX_LENGTH].lower()


def find_fault(value: str) -> str | None:
    """Return what to do about an address nobody could have, None when it may exist."""
    try:
        _validated(value.strip())
    except ValueError:
        return REMEDY
    return None


def _validated(trimmed: str) -> str:
    """Raise ValueError when it is no address. Deliverability is the mail's business, not ours."""
    if len(trimmed) > MAX_LENGTH:
        raise ValueError(REMEDY)
    from email_validator import validate_email  # noqa: PLC0415 - its patterns take long to compile

    checked = validate_email(trimmed, check_deliverability=False, test_environment=True)
    return checked.normalized.lower()
