"""Codes of an authenticator app (RFC 6238): adding the app, and accepting each code once."""

import hmac
import logging
import unicodedata
from uuid import UUID

import pyotp
from sqlalchemy import or_, select, update

from app.clock import utcnow
from app.database import db
from app.domain.accounts import factor_changes
from app.domain.accounts.models import User
from app.domain.accounts.sealing import Purpose, SealBroken, seal, unseal
from app.domain.site import choices
from app.errors import InvalidInput

log = logging.getLogger("accounts")

DIGITS = 6
STEP_SECONDS = 30
WINDOW_STEPS = 1  # a phone's clock may be half a minute off, either way
SECRET_CHARACTERS = 32  # of base32: 160 bits, the length RFC 4226 recommends
GROUP = 4


def new_secret() -> str:
    """Return a random secret in base32, as authenticator apps take it."""
    return pyotp.random_base32(SECRET_CHARACTERS)


def grouped(secret: str) -> str:
    """Return `secret` in groups of four, for people who type it."""
    return " ".join(secret[start : start + GROUP] for start in range(0, len(secret), GROUP))


def address(secret: str, email: str) -> str:
    """Return the otpauth:// address that an app reads from a QR code."""
    return pyotp.TOTP(secret, name=email, issuer=choices.current().name).provisioning_uri()


def tidy(code: str) -> str | None:
    """Return the six digits that were typed, however they were spaced, or None."""
    plain = unicodedata.normalize("NFKC", code)
    digits = "".join(
        character for character in plain if not character.isspace() and character != "-"
    )
    return digits if len(digits) == DIGITS and digits.isascii() and digits.isdigit() else None


def add(user_id: UUID, secret: str, code: str) -> User:
    """Make the app that holds `secret` the person's one, in place of an older one.

    Raises InvalidInput unless `code` shows that the app works; the code is used up.
    """
    counter = _counter_of(secret, code)
    if counter is None:
        raise InvalidInput({"code": "This code does not match. Enter the one the app shows now."})
    user = factor_changes.lock(user_id)
    user.totp_sealed = seal(Purpose.TOTP_SECRET, user_id, secret.encode())
    user.totp_confirmed_at = utcnow()
    user.totp_counter = counter
    factor_changes.settle(user)
    return user


def accept(user_id: UUID, code: str) -> bool:
    """Use a code up; False when it is wrong, too old, or was used before.

    Of two requests with one code the database lets one through: the counter only grows.
    """
    sealed = db.session.scalar(
        select(User.totp_sealed).where(User.id == user_id, User.totp_confirmed_at.is_not(None))
    )
    if sealed is None:
        return False
    try:
        secret = unseal(Purpose.TOTP_SECRET, user_id, sealed).decode()
    except SealBroken:
        log.warning("a TOTP secret does not open: was SECRET_KEY changed?")
        return False
    counter = _counter_of(secret, code)
    if counter is None:
        return False
    used = db.session.scalar(
        update(User)
        .where(
            User.id == user_id,
            User.totp_sealed == sealed,
            or_(User.totp_counter.is_(None), User.totp_counter < counter),
        )
        .values(totp_counter=counter)
        .returning(User.id)
        .execution_options(synchronize_session=False)
    )
    return used is not None


def forget(user: User) -> None:
    """Remove the app from a person that `factor_changes.lock` gave; the caller settles."""
    user.totp_sealed = user.totp_confirmed_at = user.totp_counter = None


def _counter_of(secret: str, code: str) -> int | None:
    """Return the time step `code` belongs to, comparing every one of the window."""
    digits = tidy(code)
    if digits is None:
        return None
    app = pyotp.TOTP(secret, digits=DIGITS, interval=STEP_SECONDS)
    now = int(utcnow().timestamp()) // STEP_SECONDS
    found = None
    for counter in range(now - WINDOW_STEPS, now + WINDOW_STEPS + 1):
        if hmac.compare_digest(app.generate_otp(counter), digits):
            found = counter
    return found
