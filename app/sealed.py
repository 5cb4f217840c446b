"""Settings at rest: KEY=VALUE lines in a file of the age format, sealed to public recipients."""

import re
from collections.abc import Sequence
from pathlib import Path

import pyrage

_NAME = re.compile(r"[A-Z][A-Z0-9_]*")
_IDENTITY_PREFIX = "AGE-SECRET-KEY-"


class SealedError(Exception):
    """A sealed file, an identity or a recipient cannot be used; the message says which and why."""


def parse_recipients(values: Sequence[str]) -> list[pyrage.x25519.Recipient]:
    """Return the public recipients that `values` write out. Raises SealedError."""
    if not values:
        raise SealedError("No recipient is given; name a public age recipient (age1…)")
    try:
        return [pyrage.x25519.Recipient.from_str(value) for value in values]
    except pyrage.RecipientError as error:
        raise SealedError(f"A recipient looks like age1…, this is none: {error}") from error


def read_identities(path: Path) -> list[pyrage.x25519.Identity]:
    """Return the identities in a file such as `age-keygen` writes. Raises SealedError."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SealedError(f"The identity {path} cannot be read: {_reason(error)}") from error
    written = [line.strip() for line in lines if line.strip().startswith(_IDENTITY_PREFIX)]
    if not written:
        raise SealedError(f"{path} holds no age identity (a line {_IDENTITY_PREFIX}…)")
    try:
        return [pyrage.x25519.Identity.from_str(line) for line in written]
    except pyrage.IdentityError as error:
        raise SealedError(f"{path} holds an identity that is damaged") from error


def make_identity() -> tuple[str, str]:
    """Return a new identity as `age-keygen` writes it, and its public recipient."""
    identity = pyrage.x25519.Identity.generate()
    recipient = str(identity.to_public())
    return f"# public key: {recipient}\n{identity}\n", recipient


def parse_lines(text: str) -> dict[str, str]:
    """Read KEY=VALUE lines; comments and empty lines are passed over. Raises SealedError."""
    values = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, equals, value = line.partition("=")
        if not equals or not _NAME.fullmatch(name.strip()):
            raise SealedError(f"Line {number} is not of the form NAME=VALUE")
        values[name.strip()] = _unquoted(value.strip())
    return values


def seal(text: str, recipients: Sequence[str]) -> bytes:
    """Return `text` in the age format, after a look at its lines. Raises SealedError."""
    parse_lines(text)
    sealed: bytes = pyrage.encrypt(text.encode(), parse_recipients(recipients))
    return sealed


def open_sealed(path: Path, identity: Path) -> str:
    """Return what the sealed file at `path` says. Raises SealedError."""
    identities = read_identities(identity)
    try:
        opened: bytes = pyrage.decrypt(path.read_bytes(), identities)
        return opened.decode()
    except pyrage.DecryptError as error:
        raise SealedError(f"{identity} does not open {path}: {error}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise SealedError(f"{path} cannot be read: {_reason(error)}") from error


def _unquoted(value: str) -> str:
    is_quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1] if is_quoted else value


def _reason(error: OSError | UnicodeDecodeError) -> str:
    return error.strerror or "" if isinstance(error, OSError) else "it is not text"
