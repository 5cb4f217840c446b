"""How people may be called: one rule for signing up and for the profile."""

MAX_NAME_LENGTH = 100


def tidy(name: str) -> str:
    """Return `name` without spaces at its ends or in a row."""
    return " ".join(name.split())


def find_fault(name: str) -> str | None:
    """Return what is wrong with a tidied name and how to mend it, or None."""
    if not name:
        return "Enter your name."
    if len(name) > MAX_NAME_LENGTH:
        return f"Use at most {MAX_NAME_LENGTH} characters."
    if not name.isprintable():
        return "Use letters, digits and spaces."
    return None
